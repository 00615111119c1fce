import * as vscode from "vscode";

import { CancelledError } from "../core/errors";
import { TrackedText, smallestEdit } from "../core/edits";

/**
 * Text that grows in an editor in place of a range, as one step of undo.
 *
 * What the user types elsewhere meanwhile stays; where the user edits the growing text itself, it is left to them.
 */
export class StreamedEdit {
  private readonly tracked: TrackedText;
  private readonly original: string;
  private written: string;
  private ours = false;
  private begun = false;
  private readonly listener: vscode.Disposable;

  constructor(
    private readonly document: vscode.TextDocument,
    range: vscode.Range,
  ) {
    this.original = normal(document.getText(range));
    this.written = this.original;
    const start = document.offsetAt(range.start);
    this.tracked = new TrackedText(start, document.offsetAt(range.end) - start);
    this.listener = vscode.workspace.onDidChangeTextDocument(({ document: changed, contentChanges }) => {
      if (changed === document && !this.ours) {
        for (const change of contentChanges) {
          this.tracked.apply({ offset: change.rangeOffset, removed: change.rangeLength, inserted: change.text });
        }
      }
    });
  }

  /**
   * Make the text `wanted`; while no editor shows the document, only where it is `over`.
   *
   * Throws `CancelledError` where the text is no longer ours or the document was closed.
   */
  async show(wanted: string, over = false): Promise<void> {
    const edit = smallestEdit(this.written, wanted);
    if (!edit) {
      return;
    }
    if (this.tracked.lost || this.document.isClosed) {
      throw new CancelledError();
    }
    const editor = vscode.window.visibleTextEditors.find(({ document }) => document === this.document);
    if (!editor && !over) {
      return;
    }
    const range = this.rangeOf(edit.offset, edit.offset + edit.removed);
    this.ours = true;
    try {
      if (!(await this.write(editor, range, edit.inserted))) {
        throw new CancelledError();
      }
    } finally {
      this.ours = false;
    }
    this.begun = true;
    this.written = wanted;
    this.tracked.length = this.lengthOf(wanted);
  }

  /** Put back what was there. */
  async restore(): Promise<void> {
    if (!this.tracked.lost && !this.document.isClosed) {
      await this.show(this.original, true);
    }
  }

  /** Stop looking at the document. */
  end(): void {
    this.listener.dispose();
  }

  private async write(editor: vscode.TextEditor | undefined, range: vscode.Range, text: string): Promise<boolean> {
    if (editor) {
      return editor.edit(
        (builder) => builder.replace(range, text),
        // Only the first edit begins a step of undo, so that one undo takes all of them back.
        { undoStopBefore: !this.begun, undoStopAfter: false },
      );
    }
    const edit = new vscode.WorkspaceEdit();
    edit.replace(this.document.uri, range, text);
    return vscode.workspace.applyEdit(edit);
  }

  private rangeOf(from: number, to: number): vscode.Range {
    const at = (offset: number): vscode.Position =>
      this.document.positionAt(this.tracked.offset + this.lengthOf(this.written.slice(0, offset)));
    return new vscode.Range(at(from), at(to));
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
