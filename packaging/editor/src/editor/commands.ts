import * as path from "node:path";

import * as vscode from "vscode";

import { firstCodeBlock, indentLike } from "../core/codeBlock";
import { StillroomError } from "../core/errors";
import type { Prompts, Task } from "../core/prompts";
import { shown } from "../core/shownText";
import type { Asking } from "./asking";
import { settings } from "./settings";
import type { SideDocuments } from "./sideDocument";
import { StreamedEdit } from "./streamedEdit";

const MOST_WORDS = 2000;
const LONGEST_NAME = 255;
const MOST_PROBLEMS = 20;
const LONGEST_PROBLEM = 1000;

/** The questions about code that the editor can ask. */
export class Commands {
  constructor(
    private readonly asking: Asking,
    private readonly prompts: Prompts,
    private readonly side: SideDocuments,
  ) {}

  /** Complete the selection in its place, or go on at the cursor. */
  async complete(editor: vscode.TextEditor): Promise<void> {
    const { document, selection } = editor;
    const range = selection.isEmpty ? selection : wholeLines(document, selection);
    const prompt = this.prompt("complete", document, range);
    await this.write(prompt, document.getText(range), new StreamedEdit(document, range));
  }

  /** Correct the error under the cursor, or the one at `place`; what was wrong is told in a message. */
  async fix(editor: vscode.TextEditor, place?: vscode.Range): Promise<void> {
    const { document, selection } = editor;
    const problems = problemsAt(document, place ?? selection);
    const chosen = place === undefined && !selection.isEmpty;
    if (problems.length === 0 && !chosen) {
      throw new StillroomError(
        "There is no error under the cursor.",
        "Put the cursor on an underlined place, or select the code that is wrong.",
      );
    }
    const range = chosen
      ? wholeLines(document, selection)
      : await around(document, union(problems.map((problem) => problem.range)));
    const said = problems
      .slice(0, MOST_PROBLEMS)
      .map(({ message, range: { start } }) => `line ${start.line + 1}: ${message.trim().slice(0, LONGEST_PROBLEM)}`)
      .join("\n");
    const before = document.getText();
    const prompt = this.prompt("fix", document, range, said);
    const words = await this.write(prompt, document.getText(range), new StreamedEdit(document, range));
    // Where the error was, not behind the function that was written anew.
    editor.selection = selection;
    // Not awaited: the message stays until somebody closes it.
    if (document.getText() === before) {
      void vscode.window.showInformationMessage(vscode.l10n.t("The reply leaves the code as it is. {words}", { words }));
    } else if (words) {
      void vscode.window.showInformationMessage(words);
    }
  }

  /** Explain the selection, or the whole file, in a document beside the editor. */
  async explain(editor: vscode.TextEditor): Promise<void> {
    const { document, selection } = editor;
    const range = selection.isEmpty ? wholeText(document) : wholeLines(document, selection);
    let uri: vscode.Uri | undefined;
    await this.asking.ask(this.prompt("explain", document, range), async (answer, thinking) => {
      uri ??= await this.side.open(vscode.l10n.t("Explanation of {file}", { file: nameOf(document) }));
      this.side.show(uri, thinking ? `*${vscode.l10n.t("The model is thinking…")}*\n` : answer);
    });
  }

  /** Write tests for the selection, or the whole file, into a new document beside the editor. */
  async tests(editor: vscode.TextEditor): Promise<void> {
    const { document, selection } = editor;
    const range = selection.isEmpty ? wholeText(document) : wholeLines(document, selection);
    const words = await this.write(this.prompt("tests", document, range), "", async () => {
      const tests = await vscode.workspace.openTextDocument({ language: document.languageId, content: "" });
      await vscode.window.showTextDocument(tests, {
        viewColumn: vscode.ViewColumn.Beside,
        preserveFocus: true,
        preview: false,
      });
      return new StreamedEdit(tests, wholeText(tests));
    });
    if (words) {
      void vscode.window.showInformationMessage(words);
    }
  }

  private prompt(task: Task, document: vscode.TextDocument, range: vscode.Range, problem = ""): string {
    const excerpt = {
      fileName: nameOf(document),
      language: document.languageId,
      text: document.getText(),
      start: document.offsetAt(range.start),
      end: document.offsetAt(range.end),
    };
    return this.prompts.compose(task, excerpt, settings.contextCharacters(), problem);
  }

  /**
   * Put the code of the reply into `target`, which may be opened once it comes, at the depth of `sample`.
   *
   * What is said beside the code is returned. A reply that is stopped or breaks off leaves everything as it was.
   */
  private async write(
    prompt: string,
    sample: string,
    target: StreamedEdit | (() => Promise<StreamedEdit>),
  ): Promise<string> {
    let text = target instanceof StreamedEdit ? target : undefined;
    const open = target instanceof StreamedEdit ? () => Promise.resolve(target) : target;
    const placed = (code: string): string => (sample.trim() ? indentLike(code, sample) : code);
    try {
      const { answer, end } = await this.asking.ask(prompt, async (soFar) => {
        const block = firstCodeBlock(soFar, false);
        if (block?.code.trim()) {
          text ??= await open();
          await text.show(placed(block.code));
        }
      });
      const block = firstCodeBlock(answer, true);
      if (!block?.code.trim()) {
        throw new StillroomError(
          "The reply holds no code, so nothing was changed: {answer}",
          "Ask again, or take a larger model.",
          { answer: shortened(answer) },
        );
      }
      if (!block.closed && end.reason === "length") {
        throw new StillroomError(
          "The reply reached its limit of tokens, so its code is not whole.",
          "Raise the setting stillroom.maxTokens, or select less.",
        );
      }
      text ??= await open();
      await text.finish(placed(block.code));
      // A model says what the file that it has read may make it say.
      return shown(block.words, MOST_WORDS);
    } catch (error) {
      await text?.restore();
      throw error;
    } finally {
      text?.end();
    }
  }
}

function nameOf(document: vscode.TextDocument): string {
  return document.isUntitled ? "" : shown(path.posix.basename(document.uri.path), LONGEST_NAME);
}

function wholeText(document: vscode.TextDocument): vscode.Range {
  return document.validateRange(new vscode.Range(0, 0, document.lineCount, 0));
}

/** The range grown to whole lines, without the last line's end. */
function wholeLines(document: vscode.TextDocument, range: vscode.Range): vscode.Range {
  // A selection that ends at a line's beginning does not mean that line.
  const last = range.end.character === 0 && range.end.line > range.start.line ? range.end.line - 1 : range.end.line;
  return new vscode.Range(new vscode.Position(range.start.line, 0), document.lineAt(last).range.end);
}

/** Offers to correct an underlined place in the light bulb's menu. */
export const quickFixes: vscode.CodeActionProvider = {
  provideCodeActions(_document, range, { diagnostics }): vscode.CodeAction[] {
    const problems = diagnostics.filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning);
    if (problems.length === 0) {
      return [];
    }
    const action = new vscode.CodeAction(vscode.l10n.t("Fix with Stillroom"), vscode.CodeActionKind.QuickFix);
    action.command = { command: "stillroom.fix", title: action.title, arguments: [range] };
    action.diagnostics = problems;
    return [action];
  },
};

/** Errors and warnings that touch the range, or else those of its line; errors first. */
function problemsAt(document: vscode.TextDocument, range: vscode.Range): vscode.Diagnostic[] {
  const all = vscode.languages
    .getDiagnostics(document.uri)
    .filter(({ severity }) => severity <= vscode.DiagnosticSeverity.Warning)
    .sort((one, other) => one.severity - other.severity);
  const touching = all.filter((problem) => problem.range.intersection(range) !== undefined);
  return touching.length > 0 ? touching : all.filter(({ range: { start } }) => start.line === range.start.line);
}

function union(ranges: vscode.Range[]): vscode.Range {
  return ranges.reduce((all, range) => all.union(range));
}

const MOST_LINES = 80;
const LINES_AROUND = 8;

/** The function or class that the range stands in, where the editor knows it and it is short; else some lines around. */
async function around(document: vscode.TextDocument, range: vscode.Range): Promise<vscode.Range> {
  const symbols = await vscode.commands.executeCommand<vscode.DocumentSymbol[] | undefined>(
    "vscode.executeDocumentSymbolProvider",
    document.uri,
  );
  let best: vscode.Range | undefined;
  const look = (symbol: vscode.DocumentSymbol): void => {
    const lines = symbol.range.end.line - symbol.range.start.line;
    if (symbol.range.contains(range)) {
      // From the outside in: the largest that is short enough.
      if (best === undefined && lines > 0 && lines <= MOST_LINES) {
        best = symbol.range;
      } else {
        symbol.children.forEach(look);
      }
    }
  };
  // Some languages give the older SymbolInformation, which has neither range nor children.
  symbols?.filter((symbol) => "children" in symbol).forEach(look);
  const first = Math.max(0, range.start.line - LINES_AROUND);
  const last = Math.min(document.lineCount - 1, range.end.line + LINES_AROUND);
  return wholeLines(document, best ?? new vscode.Range(new vscode.Position(first, 0), document.lineAt(last).range.end));
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > 200 ? `${line.slice(0, 200)}…` : line;
}
