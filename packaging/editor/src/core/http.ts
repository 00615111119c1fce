import * as http from "node:http";
import * as https from "node:https";

import type { Server } from "./discovery";
import { CancelledError, NotRunningError, StillroomError } from "./errors";

export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** How long the whole answer may take; a long prompt takes minutes, so the default is no limit. */
  readonly timeoutMs?: number;
}

const MOST_ANSWER_BYTES = 1 << 20;
const REFUSAL_MS = 5000;

/**
 * The response, once its head is there and says that all is well; its body is the caller's to read.
 *
 * `fetch` gives up after five minutes of silence, which is less than a long prompt may take on a processor.
 * Throws `CancelledError`, `NotRunningError` where nobody listens, else `StillroomError` with the server's words.
 */
export async function ask(server: Server, wanted: Ask): Promise<http.IncomingMessage> {
  const response = await send(server, wanted);
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) {
    return response;
  }
  const timer = setTimeout(() => response.destroy(), REFUSAL_MS);
  // Without its words a refusal is one all the same.
  const said = await text(response).catch(() => "");
  clearTimeout(timer);
  throw wanted.signal?.aborted ? new CancelledError() : refusal(status, response.headers["retry-after"], said);
}

/** The whole body as text. Throws `StillroomError` where it is longer than Stillroom's are. */
export async function text(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    bytes += (chunk as Buffer).length;
    if (bytes > MOST_ANSWER_BYTES) {
      throw tooLong();
    }
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The failure of a server that sends more than Stillroom does. */
export function tooLong(): StillroomError {
  return new StillroomError(
    "What the server sends is longer than anything that Stillroom sends.",
    "Look whether the address in stillroom.url is Stillroom's.",
  );
}

function send(server: Server, wanted: Ask): Promise<http.IncomingMessage> {
  const body = wanted.body === undefined ? "" : JSON.stringify(wanted.body);
  const headers: http.OutgoingHttpHeaders = { accept: "application/json, text/event-stream" };
  if (server.key) {
    headers["authorization"] = `Bearer ${server.key}`;
  }
  if (body) {
    headers["content-type"] = "application/json";
    headers["content-length"] = Buffer.byteLength(body);
  }
  return new Promise((resolve, reject) => {
    let url: URL;
    try {
      url = new URL(wanted.path, server.url);
    } catch {
      reject(
        new StillroomError(
          "{url} is no address of a server.",
          "Correct the setting stillroom.url, or empty it to find Stillroom by itself.",
          { url: server.url },
        ),
      );
      return;
    }
    const { request } = url.protocol === "https:" ? https : http;
    let asked: http.ClientRequest;
    try {
      asked = request(
        url,
        // A connection of its own, whose end tells the server that nobody waits any more.
        {
          method: wanted.method,
          headers,
          agent: false,
          ...(wanted.signal && { signal: wanted.signal }),
          ...(server.certificate && trusting(server.certificate)),
        },
        resolve,
      );
    } catch (error) {
      // A key that is no header, a certificate that is none, an address of another kind.
      reject(asStillroomError(error, wanted.signal));
      return;
    }
    if (wanted.timeoutMs !== undefined) {
      const timer = setTimeout(() => asked.destroy(new Error("timeout")), wanted.timeoutMs);
      asked.on("close", () => clearTimeout(timer));
    }
    asked.on("error", (error) => reject(asStillroomError(error, wanted.signal)));
    asked.end(body);
  });
}

/** Believes this certificate, whatever names it holds and whoever vouches for it, and no other one. */
function trusting(certificate: string): https.RequestOptions {
  return { ca: certificate, allowPartialTrustChain: true, checkServerIdentity: () => undefined };
}

/** A failure of the connection in words; "cancelled" where it was wished. */
export function asStillroomError(error: unknown, signal?: AbortSignal): Error {
  if (signal?.aborted) {
    return new CancelledError();
  }
  if (error instanceof StillroomError) {
    return error;
  }
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "ECONNREFUSED" || code === "ENOTFOUND" || code === "EHOSTUNREACH" || message === "timeout") {
    return new NotRunningError(
      "Stillroom does not answer.",
      "Start Stillroom and switch the local API on, or run `stillroom serve MODEL`.",
    );
  }
  return new StillroomError(
    "The connection to Stillroom broke: {reason}.",
    "Try again.",
    { reason: code ?? message },
  );
}

function refusal(status: number, retryAfter: string | undefined, body: string): StillroomError {
  if (status === 401 || status === 403) {
    return new StillroomError(
      "Stillroom refused the key.",
      "Restart the local API in Stillroom, or set the key again with “Stillroom: Set the Key of a Server”.",
    );
  }
  if (status === 429) {
    return new StillroomError("Stillroom is busy with other requests.", "Try again in {seconds} s.", {
      seconds: retryAfter ?? "1",
    });
  }
  return new StillroomError("Stillroom refused the request: {reason}", "", {
    reason: errorMessage(body) || `HTTP ${status}`,
  });
}

/** The message in an OpenAI-style error document. */
export function errorMessage(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown } | string };
    const message = typeof error === "string" ? error : error?.message;
    return typeof message === "string" ? message : "";
  } catch {
    return "";
  }
}
