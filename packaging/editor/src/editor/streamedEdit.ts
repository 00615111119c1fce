import * as vscode from "vscode";

import { CancelledError } from "../core/errors";
import { type Edit, TrackedText, smallestEdit } from "../core/edits";

const ATTEMPTS = 20;
const ATTEMPT_MS = 15;

/**
 * Text that grows in an editor in place of a range, as one step of undo.
 *
 * What the user types elsewhere meanwhile stays; where the user edits the growing text itself, it is left to them.
 */
export class StreamedEdit {
  private readonly tracked: TrackedText;
  private readonly original: string;
  private written: string;
  private expected: Edit | undefined;
  private begun = false;
  /** The editor has begun another step of undo meanwhile, as it does when a document is saved. */
  private split = false;
  private readonly listeners: vscode.Disposable[];

  constructor(
    private readonly document: vscode.TextDocument,
    range: vscode.Range,
  ) {
    this.original = normal(document.getText(range));
    this.written = this.original;
    const start = document.offsetAt(range.start);
    this.tracked = new TrackedText(start, document.offsetAt(range.end) - start);
    this.listeners = [
      vscode.workspace.onDidChangeTextDocument(({ document: changed, contentChanges }) => {
        if (changed === document) {
          for (const { rangeOffset, rangeLength, text } of contentChanges) {
            this.notice({ offset: rangeOffset, removed: rangeLength, inserted: text });
          }
        }
      }),
      vscode.workspace.onDidSaveTextDocument((saved) => {
        this.split ||= this.begun && saved === document;
      }),
    ];
  }

  /**
   * Make the text `wanted`; while no editor shows the document, only where it is `over`.
   *
   * Throws `CancelledError` where the text is no longer ours or the document was closed.
   */
  async show(wanted: string, over = false): Promise<void> {
    const edit = smallestEdit(this.written, wanted);
    // A key that was pressed at the same moment makes the editor refuse an edit.
    for (let attempt = 0; edit; attempt++) {
      if (this.tracked.lost || this.document.isClosed || attempt === ATTEMPTS) {
        throw new CancelledError();
      }
      const editor = vscode.window.visibleTextEditors.find(({ document }) => document === this.document);
      if (!editor && !over) {
        return;
      }
      if (await this.write(editor, edit)) {
        this.written = wanted;
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, ATTEMPT_MS));
    }
  }

  /** Make the text `wanted` for good, so that one undo brings back what was there. */
  async finish(wanted: string): Promise<void> {
    await this.show(wanted, true);
    if (this.split) {
      await this.show(this.original, true);
      this.begun = false;
      await this.show(wanted, true);
    }
  }

  /** Put back what was there. */
  async restore(): Promise<void> {
    if (!this.tracked.lost && !this.document.isClosed) {
      await this.show(this.original, true);
    }
  }

  /** Stop looking at the document. */
  end(): void {
    this.listeners.forEach((listener) => listener.dispose());
  }

  /** A change of the document: our own edit, or somebody else's. */
  private notice(change: Edit): void {
    const { expected } = this;
    if (
      expected?.offset === change.offset &&
      expected.removed === change.removed &&
      expected.inserted === normal(change.inserted)
    ) {
      this.expected = undefined;
      this.tracked.length += this.lengthOf(expected.inserted) - expected.removed;
    } else {
      this.split ||= this.begun;
      this.tracked.apply(change);
    }
  }

  private async write(editor: vscode.TextEditor | undefined, edit: Edit): Promise<boolean> {
    const from = this.tracked.offset + this.lengthOf(this.written.slice(0, edit.offset));
    const to = this.tracked.offset + this.lengthOf(this.written.slice(0, edit.offset + edit.removed));
    const range = new vscode.Range(this.document.positionAt(from), this.document.positionAt(to));
    this.expected = { offset: from, removed: to - from, inserted: edit.inserted };
    const first = !this.begun;
    this.begun = true;
    let done: boolean;
    if (editor) {
      done = await editor.edit(
        (builder) => builder.replace(range, edit.inserted),
        // Only the first edit begins a step of undo, so that one undo takes all of them back.
        { undoStopBefore: first, undoStopAfter: false },
      );
    } else {
      // This kind of edit is a step of its own.
      this.split ||= !first;
      const edits = new vscode.WorkspaceEdit();
      edits.replace(this.document.uri, range, edit.inserted);
      done = await vscode.workspace.applyEdit(edits);
    }
    if (!done) {
      this.expected = undefined;
      this.begun = !first;
    }
    return done;
  }

  /** Length in the document, where a line's end may be two characters. */
  private lengthOf(text: string): number {
    const ends = this.document.eol === vscode.EndOfLine.CRLF ? text.split("\n").length - 1 : 0;
    return text.length + ends;
  }
}

function normal(text: string): string {
  return text.replace(/\r\n/g, "\n");
}
