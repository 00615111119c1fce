import * as vscode from "vscode";

import { CancelledError, NotRunningError, StillroomError } from "../core/errors";

/** What happened and what to do next, in the user's language; nothing where the user stopped it. */
export async function tell(error: unknown): Promise<void> {
  if (error instanceof CancelledError) {
    return;
  }
  if (!(error instanceof StillroomError)) {
    throw error;
  }
  const said = vscode.l10n.t(error.template, error.values);
  const hint = error.hint && vscode.l10n.t(error.hint, error.values);
  const say = error instanceof NotRunningError ? vscode.window.showWarningMessage : vscode.window.showErrorMessage;
  await say(hint ? `${said} ${hint}` : said);
}
