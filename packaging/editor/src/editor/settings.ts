import * as vscode from "vscode";

function get<T>(name: string, otherwise: T): T {
  return vscode.workspace.getConfiguration("stillroom").get<T>(name, otherwise);
}

/** The settings as they are now. */
export const settings = {
  url: (): string => get("url", "").trim(),
  home: (): string => get("home", "").trim(),
  model: (): string => get("model", "").trim(),
  thinking: (): string => get("thinking", "auto"),
  contextCharacters: (): number => get("contextCharacters", 6000),
  maxTokens: (): number => get("maxTokens", 4096),
  inlineEnabled: (): boolean => get("inlineCompletion.enabled", false),
  inlineDelayMs: (): number => get("inlineCompletion.delay", 250),
};
