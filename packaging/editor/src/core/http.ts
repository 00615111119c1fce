import * as http from "node:http";
import * as https from "node:https";

import type { Server } from "./discovery";
import { CancelledError, NotRunningError, StillroomError } from "./errors";

export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** How long the server may be silent; a long prompt takes minutes, so the default is no limit. */
  readonly timeoutMs?: number;
}

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
  throw refusal(status, response.headers["retry-after"], await text(response));
}

/** The whole body as text. */
export async function text(response: http.IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString("utf8");
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
    const asked = request(
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
    asked.setTimeout(wanted.timeoutMs ?? 0, () => asked.destroy(new Error("timeout")));
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
