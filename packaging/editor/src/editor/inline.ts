import * as vscode from "vscode";

import { type Wishes, complete } from "../core/client";
import { INLINE_STOP, inlinePrompt, inlineSuffix, worthShowing } from "../core/continuation";
import type { Connection } from "./connection";
import { settings } from "./settings";

const BLOCK_TOKENS = 128;
const LINE_TOKENS = 32;
const MOST_CHARACTERS = 10_000;

/** Grey text ahead of the cursor, once the keys rest for as long as `stillroom.inlineCompletion.delay` says (its
 * default is in package.json); the next key stops the request before. */
export class InlineCompletions implements vscode.InlineCompletionItemProvider {
  constructor(private readonly connection: Connection) {}

  async provideInlineCompletionItems(
    document: vscode.TextDocument,
    position: vscode.Position,
    context: vscode.InlineCompletionContext,
    token: vscode.CancellationToken,
  ): Promise<vscode.InlineCompletionItem[]> {
    const asked = context.triggerKind === vscode.InlineCompletionTriggerKind.Invoke;
    if (!asked && (!settings.inlineEnabled() || !(await rested(settings.inlineDelayMs(), token)))) {
      return [];
    }
    const text = document.getText().replace(/\r\n/g, "\n");
    const offset = document.getText(new vscode.Range(new vscode.Position(0, 0), position)).replace(/\r\n/g, "\n").length;
    const before = text.slice(0, offset);
    const after = text.slice(offset);
    const fills = this.connection.fillsInTheMiddle;
    const prompt = inlinePrompt(before, after, settings.contextCharacters(), fills);
    if (prompt === undefined) {
      return [];
    }
    const stopped = new AbortController();
    const listener = token.onCancellationRequested(() => stopped.abort());
    try {
      const suffix = fills ? inlineSuffix(after, settings.contextCharacters()) : "";
      const found = await this.continuation({ prompt, suffix }, before, after, stopped.signal);
      return found.trim() && !token.isCancellationRequested
        ? [new vscode.InlineCompletionItem(found, new vscode.Range(position, position))]
        : [];
    } catch {
      // A suggestion that does not come disturbs nobody; the status bar says whether Stillroom is there.
      void this.connection.check();
      return [];
    } finally {
      listener.dispose();
    }
  }

  private async continuation(
    { prompt, suffix }: { prompt: string; suffix: string },
    before: string,
    after: string,
    signal: AbortSignal,
  ): Promise<string> {
    const server = await this.connection.server();
    const wishes: Wishes = {
      suffix,
      model: settings.model(),
      maxTokens: /(^|\n)[ \t]*$/.test(before) ? BLOCK_TOKENS : LINE_TOKENS,
      temperature: 0,
      stop: INLINE_STOP,
    };
    const pieces = complete(server, prompt, wishes, signal);
    let text = "";
    for (let next = await pieces.next(); ; next = await pieces.next()) {
      if (next.done) {
        // A word that the limit has cut is left out.
        const whole = next.value.reason === "length" ? text.replace(/\S*$/, "") : text;
        return worthShowing(whole, before, after, true).text;
      }
      text += next.value.text;
      const shown = worthShowing(text, before, after, false);
      if (shown.done || text.length > MOST_CHARACTERS) {
        // Ends the request, so that the rest is not computed.
        await pieces.return({ reason: "", tokens: undefined });
        return shown.text;
      }
    }
  }
}

/** Whether nothing was typed for so long. */
function rested(delayMs: number, token: vscode.CancellationToken): Promise<boolean> {
  return new Promise((resolve) => {
    const listener = token.onCancellationRequested(() => {
      clearTimeout(timer);
      listener.dispose();
      resolve(false);
    });
    const timer = setTimeout(() => {
      listener.dispose();
      resolve(!token.isCancellationRequested);
    }, delayMs);
  });
}
