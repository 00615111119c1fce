import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const MOST_BYTES = 1 << 20;

/** Where a Stillroom listens, without a path, the key it asks for, and where it tells it the certificate (PEM) it shows. */
export interface Server {
  readonly url: string;
  readonly key: string;
  readonly certificate?: string;
}

export interface Place {
  readonly platform: NodeJS.Platform;
  readonly env: NodeJS.ProcessEnv;
  readonly home: string;
}

/** This computer. */
export function here(): Place {
  return { platform: process.platform, env: process.env, home: os.homedir() };
}

/**
 * The data folders of Stillroom, as app/base/paths.py and platformdirs make them, likeliest first.
 *
 * `stillroomHome` comes before the variable of that name: an editor that was started from a desktop seldom has
 * the variables of a shell. An editor in a sandbox (Snap, Flatpak) has an XDG_DATA_HOME of its own, so the usual
 * folder is looked at as well.
 */
export function dataFolders(place: Place, stillroomHome = ""): string[] {
  const join = place.platform === "win32" ? path.win32.join : path.posix.join;
  const root = stillroomHome.trim() || place.env["STILLROOM_HOME"] || "";
  if (root) {
    return [join(root.replace(/^~(?=$|[/\\])/, place.home), "data")];
  }
  switch (place.platform) {
    case "win32":
      return [join(place.env["LOCALAPPDATA"] || join(place.home, "AppData", "Local"), "stillroom")];
    case "darwin":
      return [join(place.home, "Library", "Application Support", "stillroom")];
    default: {
      const usual = join(place.home, ".local", "share");
      const given = place.env["XDG_DATA_HOME"]?.trim() || usual;
      return [...new Set([given, usual])].map((folder) => join(folder, "stillroom"));
    }
  }
}

/** The running server that one of the folders tells of, or undefined. */
export function findServer(folders: readonly string[]): Server | undefined {
  for (const folder of folders) {
    const server = readDiscovery(path.join(folder, "server.json"));
    if (server) {
      return server;
    }
  }
  return undefined;
}

function readDiscovery(file: string): Server | undefined {
  let text: string;
  try {
    const found = fs.statSync(file);
    // A pipe would hold the editor for as long as nobody writes to it.
    if (!found.isFile() || found.size > MOST_BYTES) {
      return undefined;
    }
    // Another user's file would send this user's code to that user's server.
    if (process.getuid && found.uid !== process.getuid()) {
      return undefined;
    }
    text = fs.readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  let found: unknown;
  try {
    found = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { url, key, pid, certificate } = (found ?? {}) as Record<string, unknown>;
  if (typeof url !== "string" || typeof key !== "string" || typeof pid !== "number") {
    return undefined;
  }
  if (!/^https?:\/\//.test(url) || !lives(pid)) {
    return undefined;
  }
  return typeof certificate === "string" && certificate ? { url, key, certificate } : { url, key };
}

/** Whether the process is there; a crash leaves the file behind. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
