import * as vscode from "vscode";

import type { Connection } from "./connection";
import { settings } from "./settings";

/** Whether Stillroom answers, what it does at the moment, and how fast it was. */
export class StatusBar {
  private readonly item = vscode.window.createStatusBarItem("stillroom.status", vscode.StatusBarAlignment.Right, 90);
  private lastRate = 0;

  constructor(private readonly connection: Connection) {
    this.item.name = "Stillroom";
    this.idle();
    this.item.show();
  }

  /** Nothing runs; `tokensPerSecond` is that of the reply that ended. */
  idle(tokensPerSecond = this.lastRate): void {
    this.lastRate = tokensPerSecond;
    const { models } = this.connection;
    this.item.command = "stillroom.showState";
    if (models === undefined) {
      this.item.text = `$(circle-slash) ${vscode.l10n.t("Stillroom: not running")}`;
      this.item.tooltip = vscode.l10n.t("Start Stillroom and switch the local API on, or run `stillroom serve MODEL`.");
      return;
    }
    const rate = tokensPerSecond > 0 ? vscode.l10n.t("{rate} tok/s", { rate: tokensPerSecond.toFixed(1) }) : "";
    this.item.text = `$(beaker) ${rate || "Stillroom"}`;
    this.item.tooltip = vscode.l10n.t("Stillroom answers with {model}.", {
      model: settings.model() || models[0] || "?",
    });
  }

  /** A reply is under way; 0 tokens per second is not known yet. */
  busy(doing: "waiting" | "thinking" | "writing", tokensPerSecond: number): void {
    const words = {
      waiting: vscode.l10n.t("Stillroom: reading"),
      thinking: vscode.l10n.t("Stillroom: thinking"),
      writing: vscode.l10n.t("Stillroom: writing"),
    }[doing];
    const rate = tokensPerSecond > 0 ? vscode.l10n.t("{rate} tok/s", { rate: tokensPerSecond.toFixed(1) }) : "";
    this.item.text = `$(loading~spin) ${words}${rate && " · "}${rate}`;
    this.item.tooltip = vscode.l10n.t("Click, or press Escape, to stop.");
    this.item.command = "stillroom.stop";
  }

  dispose(): void {
    this.item.dispose();
  }
}
