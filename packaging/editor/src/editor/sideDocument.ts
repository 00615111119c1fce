import * as vscode from "vscode";

export const SCHEME = "stillroom";

/** Read-only documents beside the editor that hold what a model says; closing one asks no question. */
export class SideDocuments implements vscode.TextDocumentContentProvider {
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  readonly onDidChange = this.changed.event;
  private readonly texts = new Map<string, string>();
  private count = 0;

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.toString()) ?? "";
  }

  /** Open an empty Markdown document beside the editor. */
  async open(title: string): Promise<vscode.Uri> {
    this.count++;
    const uri = vscode.Uri.from({ scheme: SCHEME, path: `/${this.count}/${title.replaceAll("/", "∕")}.md` });
    this.texts.set(uri.toString(), "");
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.window.showTextDocument(document, {
      viewColumn: vscode.ViewColumn.Beside,
      preserveFocus: true,
      preview: true,
    });
    return uri;
  }

  /** Replace the text of a document. */
  show(uri: vscode.Uri, text: string): void {
    this.texts.set(uri.toString(), text);
    this.changed.fire(uri);
  }

  /** The document was closed. */
  forget(uri: vscode.Uri): void {
    this.texts.delete(uri.toString());
  }

  dispose(): void {
    this.changed.dispose();
  }
}
