import * as vscode from "vscode";

import { type ReplyEnd, type Wishes, chat } from "../core/client";
import { CancelledError } from "../core/errors";
import { TokenRate } from "../core/rate";
import type { Connection } from "./connection";
import { settings } from "./settings";
import type { StatusBar } from "./statusBar";

/** The answer so far; the thinking is not in it. */
export type OnAnswer = (answer: string, thinking: boolean) => void | Promise<void>;

/** Of the time that showing an answer took, until more of it is shown. */
const PAUSE_SHARE = 2;

/** One question at a time, with its progress in the status bar and a way to stop it. */
export class Asking {
  private running: AbortController | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly status: StatusBar,
  ) {}

  /**
   * Ask and give the whole answer; the question that ran before is stopped.
   *
   * Throws `CancelledError` when somebody stopped it, else `StillroomError`.
   */
  async ask(prompt: string, onAnswer: OnAnswer): Promise<{ answer: string; end: ReplyEnd }> {
    this.stop();
    const running = new AbortController();
    this.running = running;
    void vscode.commands.executeCommand("setContext", "stillroom.busy", true);
    this.status.busy("waiting", 0);
    const rate = new TokenRate();
    let end: ReplyEnd | undefined;
    try {
      const server = await this.connection.server();
      const reply = chat(server, [{ role: "user", content: prompt }], wishes(), running.signal);
      let answer = "";
      let thinking = false;
      // What a long answer costs grows with it, and the editor does other things too.
      let nextMs = 0;
      let told = true;
      for (let next = await reply.next(); ; next = await reply.next()) {
        if (next.done) {
          end = next.value;
          if (!told) {
            await onAnswer(answer, thinking);
          }
          break;
        }
        const { channel, text } = next.value;
        rate.add(performance.now());
        this.status.busy(channel === "thinking" ? "thinking" : "writing", rate.perSecond());
        answer += channel === "answer" ? text : "";
        thinking = channel === "thinking";
        const startMs = performance.now();
        told = startMs >= nextMs;
        if (told) {
          await onAnswer(answer, thinking);
          nextMs = performance.now() + PAUSE_SHARE * (performance.now() - startMs);
        }
        if (running.signal.aborted) {
          throw new CancelledError();
        }
      }
      return { answer, end };
    } finally {
      // A later question may have taken over.
      if (this.running === running) {
        this.running = undefined;
        void vscode.commands.executeCommand("setContext", "stillroom.busy", false);
        await this.connection.check();
        this.status.idle(rate.perSecond(end?.tokens));
      }
    }
  }

  /** Whether a reply is under way. */
  get busy(): boolean {
    return this.running !== undefined;
  }

  /** Stop what runs. */
  stop(): void {
    this.running?.abort();
  }

  dispose(): void {
    this.stop();
  }
}

function wishes(): Wishes {
  const thinking = settings.thinking();
  return {
    model: settings.model(),
    maxTokens: settings.maxTokens(),
    ...(thinking !== "auto" && { effort: thinking }),
  };
}
