import * as vscode from "vscode";

/** A setting's value; where the user has set none, its default in package.json. */
function get<T>(name: string): T {
  return vscode.workspace.getConfiguration("stillroom").get(name) as T;
}

/** The settings as they are now. */
export const settings = {
  url: (): string => get<string>("url").trim(),
  home: (): string => get<string>("home").trim(),
  model: (): string => get<string>("model").trim(),
  thinking: (): string => get("thinking"),
  contextCharacters: (): number => get("contextCharacters"),
  maxTokens: (): number => get("maxTokens"),
  inlineEnabled: (): boolean => get("inlineCompletion.enabled"),
  inlineDelayMs: (): number => get("inlineCompletion.delay"),
};
