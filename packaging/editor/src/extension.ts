import * as path from "node:path";

import * as vscode from "vscode";

import { Prompts } from "./core/prompts";
import { shown } from "./core/shownText";
import { Asking } from "./editor/asking";
import { Commands, quickFixes } from "./editor/commands";
import { Connection } from "./editor/connection";
import { InlineCompletions } from "./editor/inline";
import { SCHEME, SideDocuments } from "./editor/sideDocument";
import { StatusBar } from "./editor/statusBar";
import { tell } from "./editor/texts";

const CHECK_MS = 10_000;

/** Put the parts together; the editor disposes of them. */
export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const connection = new Connection(context.secrets);
  const status = new StatusBar(connection);
  const asking = new Asking(connection, status);
  const side = new SideDocuments();
  const commands = new Commands(asking, new Prompts(path.join(context.extensionPath, "prompts")), side);

  type Run = (editor: vscode.TextEditor, place?: vscode.Range) => Promise<void>;
  const onEditor = (name: string, run: Run): vscode.Disposable =>
    vscode.commands.registerCommand(name, async (place?: unknown) => {
      const editor = vscode.window.activeTextEditor;
      if (editor) {
        // A menu gives the file's address, the light bulb a range.
        await run(editor, place instanceof vscode.Range ? place : undefined).catch(tell);
      }
    });
  const timer = setInterval(() => void connection.check(), CHECK_MS);
  context.subscriptions.push(
    connection,
    status,
    asking,
    side,
    onEditor("stillroom.complete", (editor) => commands.complete(editor)),
    onEditor("stillroom.explain", (editor) => commands.explain(editor)),
    onEditor("stillroom.tests", (editor) => commands.tests(editor)),
    onEditor("stillroom.fix", (editor, place) => commands.fix(editor, place)),
    vscode.commands.registerCommand("stillroom.stop", () => asking.stop()),
    vscode.commands.registerCommand("stillroom.setKey", () => connection.setKey()),
    vscode.commands.registerCommand("stillroom.showState", () => showState(connection).catch(tell)),
    vscode.workspace.registerTextDocumentContentProvider(SCHEME, side),
    vscode.workspace.onDidCloseTextDocument(({ uri }) => side.forget(uri)),
    vscode.languages.registerInlineCompletionItemProvider({ pattern: "**" }, new InlineCompletions(connection)),
    vscode.languages.registerCodeActionsProvider({ pattern: "**" }, quickFixes, {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
    connection.onDidChange(() => {
      if (!asking.busy) {
        status.idle();
      }
    }),
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("stillroom")) {
        void connection.check();
      }
    }),
    new vscode.Disposable(() => clearInterval(timer)),
  );
  await connection.check();
}

async function showState(connection: Connection): Promise<void> {
  await connection.check();
  // Throws the sentence that says what to do where nobody is there.
  const url = shown((await connection.server()).url);
  const models = shown(connection.models?.join(", ") || "?");
  await vscode.window.showInformationMessage(vscode.l10n.t("Stillroom answers at {url} with {models}.", { url, models }));
}
