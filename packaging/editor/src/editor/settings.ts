import * as vscode from "vscode";

/** A setting's value; where the user has set none, or a workspace one of another kind, its default in package.json. */
function get<T>(name: string): T {
  const found = vscode.workspace.getConfiguration("stillroom");
  const value: unknown = found.get(name);
  const usual: unknown = found.inspect(name)?.defaultValue;
  return (typeof value === typeof usual ? value : usual) as T;
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
