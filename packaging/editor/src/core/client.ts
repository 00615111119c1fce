import type { Server } from "./discovery";
import { StillroomError } from "./errors";
import { ask, asStillroomError, errorMessage, text, tooLong } from "./http";
import { shown } from "./shownText";
import { eventData } from "./sse";
import { type Piece, ThinkSplitter } from "./thinking";

const MOST_REPLY_CHARACTERS = 4 << 20;
/** Thirty times the tokens of the longest reply that can be asked for. */
const MOST_MODELS = 1000;
const LONGEST_NAME = 200;

export interface Message {
  readonly role: "system" | "user" | "assistant";
  readonly content: string;
}

export interface Wishes {
  /** Name of one of the server's models; empty leaves the choice to the server. */
  readonly model?: string;
  readonly maxTokens?: number;
  readonly temperature?: number;
  readonly stop?: readonly string[];
  /** OpenAI's `reasoning_effort`: "none" answers at once. */
  readonly effort?: string;
  /** What the reply has to lead up to, for `complete` with a model that fills in the middle. */
  readonly suffix?: string;
}

export interface ServedModel {
  readonly id: string;
  /** It was taught to write what stands between two texts. */
  readonly fillsInTheMiddle: boolean;
}

export interface ReplyEnd {
  /** OpenAI's `finish_reason`; empty where the server did not say. */
  readonly reason: string;
  /** As the server counts them, thinking included; undefined where it does not. */
  readonly tokens: number | undefined;
}

/** The models that the server has, the one it answers with first. */
export async function models(server: Server, signal?: AbortSignal): Promise<ServedModel[]> {
  const response = await ask(server, {
    method: "GET",
    path: "/v1/models",
    timeoutMs: 5000,
    ...(signal && { signal }),
  });
  const { data } = JSON.parse(await text(response)) as { data?: { id?: unknown; fills_in_the_middle?: unknown }[] };
  return (data ?? []).slice(0, MOST_MODELS).flatMap(({ id, fills_in_the_middle: fills }) =>
    typeof id === "string" && id === shown(id, LONGEST_NAME) ? [{ id, fillsInTheMiddle: fills === true }] : [],
  );
}

/** A reply, piece by piece, thinking and answer apart; what it returns says how it ended. */
export async function* chat(
  server: Server,
  messages: readonly Message[],
  wishes: Wishes,
  signal: AbortSignal,
): AsyncGenerator<Piece, ReplyEnd> {
  const splitter = new ThinkSplitter();
  const end = yield* stream(server, "/v1/chat/completions", { ...body(wishes), messages }, signal, (choice) => {
    const { reasoning_content: thinking, content } = choice.delta ?? {};
    const pieces: Piece[] = isText(thinking) ? [{ channel: "thinking", text: thinking }] : [];
    return isText(content) ? [...pieces, ...splitter.add(content)] : pieces;
  });
  yield* splitter.end();
  return end;
}

/** What goes on after `prompt`, as plain text, piece by piece. */
export async function* complete(
  server: Server,
  prompt: string,
  wishes: Wishes,
  signal: AbortSignal,
): AsyncGenerator<Piece, ReplyEnd> {
  return yield* stream(server, "/v1/completions", { ...body(wishes), prompt }, signal, (choice) =>
    isText(choice.text) ? [{ channel: "answer", text: choice.text }] : [],
  );
}

/** As a server may send it: anything may be of any kind. */
interface Choice {
  readonly delta?: { readonly content?: unknown; readonly reasoning_content?: unknown } | null;
  readonly text?: unknown;
  readonly finish_reason?: unknown;
}

interface Chunk {
  readonly choices?: readonly (Choice | null)[] | null;
  readonly usage?: { readonly completion_tokens?: unknown } | null;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "";
}

function body(wishes: Wishes): Record<string, unknown> {
  return {
    ...(wishes.model && { model: wishes.model }),
    stream: true,
    stream_options: { include_usage: true },
    ...(wishes.maxTokens && { max_tokens: wishes.maxTokens }),
    ...(wishes.temperature !== undefined && { temperature: wishes.temperature }),
    ...(wishes.stop && { stop: wishes.stop }),
    ...(wishes.effort && { reasoning_effort: wishes.effort }),
    ...(wishes.suffix && { suffix: wishes.suffix }),
  };
}

async function* stream(
  server: Server,
  path: string,
  request: Record<string, unknown>,
  signal: AbortSignal,
  read: (choice: Choice) => Piece[],
): AsyncGenerator<Piece, ReplyEnd> {
  let reason = "";
  let tokens: number | undefined;
  let whole = false;
  let characters = 0;
  const response = await ask(server, { method: "POST", path, body: request, signal });
  try {
    for await (const data of eventData(response)) {
      if (data === "[DONE]") {
        whole = true;
        break;
      }
      const broken = errorMessage(data);
      if (broken) {
        throw new StillroomError("Stillroom broke the reply off: {reason}", "", { reason: broken });
      }
      const chunk = JSON.parse(data) as Chunk | null;
      const counted = chunk?.usage?.completion_tokens;
      tokens = typeof counted === "number" ? counted : tokens;
      const choice = chunk?.choices?.[0];
      if (choice) {
        reason = isText(choice.finish_reason) ? choice.finish_reason : reason;
        for (const piece of read(choice)) {
          characters += piece.text.length;
          if (characters > MOST_REPLY_CHARACTERS) {
            throw tooLong();
          }
          yield piece;
        }
      }
    }
    if (!whole) {
      throw new Error("the reply has no end");
    }
  } catch (error) {
    throw asStillroomError(error, signal);
  } finally {
    // Also when the reader has enough: the server then frees its slot.
    response.destroy();
  }
  return { reason, tokens };
}
