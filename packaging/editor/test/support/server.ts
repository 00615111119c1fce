/** The real `stillroom serve` with the starter model, in a home of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as readline from "node:readline";

import type { Server } from "../../src/core/discovery";

export const EDITOR = path.resolve(__dirname, "..", "..", "..");
const ROOT = path.resolve(EDITOR, "..", "..");

export class RealServer {
  private constructor(
    readonly home: string,
    readonly server: Server,
    private readonly process: ChildProcess,
  ) {}

  static async start(): Promise<RealServer> {
    const home = fs.mkdtempSync(path.join(os.tmpdir(), "stillroom-editor-"));
    // Greedy, so that the replies are the same each time.
    const settings = { version: 1, sampling: { temperature: 0 } };
    fs.mkdirSync(path.join(home, "config"));
    fs.writeFileSync(path.join(home, "config", "settings.json"), JSON.stringify(settings));
    const python = process.env["STILLROOM_PYTHON"] ?? path.join(ROOT, ".venv", "bin", "python");
    const command = ["-m", "app", "serve", "starter", "--port", "0", "--context", "2048", "--json"];
    const child = spawn(python, command, {
      cwd: ROOT,
      env: { ...process.env, STILLROOM_HOME: home },
      stdio: ["ignore", "pipe", "inherit"],
    });
    for await (const line of readline.createInterface({ input: child.stdout })) {
      const { url, key } = JSON.parse(line) as Server;
      return new RealServer(home, { url, key }, child);
    }
    throw new Error("stillroom serve ended");
  }

  /** What Prometheus would read. */
  async metric(name: string): Promise<number> {
    const response = await fetch(`${this.server.url}/metrics`, {
      headers: { authorization: `Bearer ${this.server.key}` },
    });
    const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, "m").exec(await response.text());
    return Number(found?.[1]);
  }

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill("SIGINT");
    await ended;
    fs.rmSync(this.home, { recursive: true, force: true });
  }
}
