/**
 * A stand-in for the editor, which is not there in these tests: only what the extension uses, with documents that are
 * really edited, and a record of what was shown. The true editor runs in `make editor-pictures`.
 */
import { EventEmitter as NodeEvents } from "node:events";
import * as fs from "node:fs";
import * as path from "node:path";

const manifest = JSON.parse(fs.readFileSync(path.join(__dirname, "..", "..", "..", "package.json"), "utf8")) as {
  contributes: { configuration: { properties: Record<string, { default: unknown }> } };
};
const defaults = manifest.contributes.configuration.properties;

export class Position {
  constructor(
    readonly line: number,
    readonly character: number,
  ) {}
}

export class Range {
  readonly start: Position;
  readonly end: Position;

  constructor(start: Position | number, end: Position | number, endLine?: number, endCharacter?: number) {
    if (typeof start === "number") {
      this.start = new Position(start, end as number);
      this.end = new Position(endLine ?? 0, endCharacter ?? 0);
    } else {
      this.start = start;
      this.end = end as Position;
    }
  }

  get isEmpty(): boolean {
    return compare(this.start, this.end) === 0;
  }

  contains(other: Range): boolean {
    return compare(this.start, other.start) <= 0 && compare(other.end, this.end) <= 0;
  }

  intersection(other: Range): Range | undefined {
    const start = compare(this.start, other.start) > 0 ? this.start : other.start;
    const end = compare(this.end, other.end) < 0 ? this.end : other.end;
    return compare(start, end) <= 0 ? new Range(start, end) : undefined;
  }

  union(other: Range): Range {
    return new Range(
      compare(this.start, other.start) < 0 ? this.start : other.start,
      compare(this.end, other.end) > 0 ? this.end : other.end,
    );
  }
}

export class Selection extends Range {}

function compare(one: Position, other: Position): number {
  return one.line - other.line || one.character - other.character;
}

export class Uri {
  constructor(
    readonly scheme: string,
    readonly path: string,
  ) {}

  static from({ scheme, path }: { scheme: string; path: string }): Uri {
    return new Uri(scheme, path);
  }

  static file(path: string): Uri {
    return new Uri("file", path);
  }

  toString(): string {
    return `${this.scheme}:${this.path}`;
  }
}

export class Disposable {
  constructor(readonly dispose: () => void) {}
}

export class EventEmitter<T> {
  private readonly events = new NodeEvents();
  readonly event = (listener: (value: T) => void): Disposable => {
    this.events.on("fired", listener);
    return new Disposable(() => this.events.off("fired", listener));
  };

  fire(value: T): void {
    this.events.emit("fired", value);
  }

  dispose(): void {
    this.events.removeAllListeners();
  }
}

export class CancellationTokenSource {
  private readonly cancelled = new EventEmitter<void>();
  readonly token = { isCancellationRequested: false, onCancellationRequested: this.cancelled.event };

  cancel(): void {
    this.token.isCancellationRequested = true;
    this.cancelled.fire();
  }
}

export const EndOfLine = { LF: 1, CRLF: 2 };
export const DiagnosticSeverity = { Error: 0, Warning: 1, Information: 2, Hint: 3 };
export const StatusBarAlignment = { Left: 1, Right: 2 };
export const ViewColumn = { Beside: -2 };
export const InlineCompletionTriggerKind = { Invoke: 0, Automatic: 1 };
export const CodeActionKind = { QuickFix: "quickfix" };

export class InlineCompletionItem {
  constructor(
    readonly insertText: string,
    readonly range: Range,
  ) {}
}

export class CodeAction {
  command: unknown;
  diagnostics: unknown;
  constructor(
    readonly title: string,
    readonly kind: string,
  ) {}
}

export class WorkspaceEdit {
  readonly edits: { document: TextDocument; range: Range; text: string }[] = [];

  replace(uri: Uri, range: Range, text: string): void {
    const document = state.documents.find((known) => known.uri === uri);
    if (document) {
      this.edits.push({ document, range, text });
    }
  }
}

interface Change {
  document: TextDocument;
  contentChanges: { rangeOffset: number; rangeLength: number; text: string }[];
}

export class TextDocument {
  isClosed = false;
  isUntitled = false;
  eol: number;
  /** Texts that undo comes back to. */
  readonly undoStops: string[] = [];

  constructor(
    readonly uri: Uri,
    readonly languageId: string,
    public text: string,
  ) {
    this.eol = text.includes("\r\n") ? EndOfLine.CRLF : EndOfLine.LF;
  }

  get lineCount(): number {
    return this.text.split("\n").length;
  }

  getText(range?: Range): string {
    return range ? this.text.slice(this.offsetAt(range.start), this.offsetAt(range.end)) : this.text;
  }

  offsetAt(position: Position): number {
    const lines = this.text.split("\n");
    const before = lines.slice(0, position.line).reduce((sum, line) => sum + line.length + 1, 0);
    return Math.min(this.text.length, before + Math.min(position.character, lines[position.line]?.length ?? 0));
  }

  positionAt(offset: number): Position {
    const before = this.text.slice(0, Math.max(0, offset)).split("\n");
    return new Position(before.length - 1, before[before.length - 1]?.length ?? 0);
  }

  lineAt(line: number): { range: Range } {
    const text = (this.text.split("\n")[line] ?? "").replace(/\r$/, "");
    return { range: new Range(new Position(line, 0), new Position(line, text.length)) };
  }

  validateRange(range: Range): Range {
    return new Range(this.positionAt(this.offsetAt(range.start)), this.positionAt(this.offsetAt(range.end)));
  }

  /** As the editor does it: line ends become those of the document, and listeners are told. */
  replace(range: Range, inserted: string): void {
    const start = this.offsetAt(range.start);
    const end = this.offsetAt(range.end);
    const text = this.eol === EndOfLine.CRLF ? inserted.replace(/\r?\n/g, "\r\n") : inserted;
    this.text = this.text.slice(0, start) + text + this.text.slice(end);
    changes.fire({ document: this, contentChanges: [{ rangeOffset: start, rangeLength: end - start, text }] });
  }

  /** Somebody types. */
  type(offset: number, text: string): void {
    this.replace(new Range(this.positionAt(offset), this.positionAt(offset)), text);
  }

  /** As the editor does it, also by itself after a while: what comes next is another step of undo. */
  save(): void {
    this.undoStops.push(this.text);
    saved.fire(this);
  }

  undo(): void {
    this.text = this.undoStops.pop() ?? this.text;
  }
}

export class TextEditor {
  constructor(
    readonly document: TextDocument,
    public selection: Range,
  ) {}

  edit(
    build: (builder: { replace(range: Range, text: string): void }) => void,
    options: { undoStopBefore: boolean },
  ): Promise<boolean> {
    if (options.undoStopBefore) {
      this.document.undoStops.push(this.document.text);
    }
    build(this.document);
    return Promise.resolve(true);
  }
}

const changes = new EventEmitter<Change>();
const saved = new EventEmitter<TextDocument>();

/** What the tests look at and set. */
export const state = {
  documents: [] as TextDocument[],
  editors: [] as TextEditor[],
  active: undefined as TextEditor | undefined,
  commands: new Map<string, (...values: unknown[]) => unknown>(),
  settings: new Map<string, unknown>(),
  diagnostics: [] as unknown[],
  symbols: undefined as unknown,
  messages: [] as string[],
  statusTexts: [] as string[],
  context: new Map<string, unknown>(),
  providers: [] as unknown[],
  contents: new Map<string, { provideTextDocumentContent(uri: Uri): string }>(),
};

/** Open a file with a selection, counted in characters. */
export function openFile(path: string, language: string, text: string, start: number, end: number): TextEditor {
  const document = new TextDocument(Uri.file(path), language, text);
  const editor = new TextEditor(document, new Selection(document.positionAt(start), document.positionAt(end)));
  state.documents.push(document);
  state.editors = [editor];
  state.active = editor;
  return editor;
}

export const l10n = {
  t: (template: string, values: Record<string, unknown> = {}): string =>
    template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)),
};

const say = (message: string): Promise<undefined> => {
  state.messages.push(message);
  return Promise.resolve(undefined);
};

export const window = {
  get activeTextEditor(): TextEditor | undefined {
    return state.active;
  },
  get visibleTextEditors(): TextEditor[] {
    return state.editors;
  },
  showInformationMessage: say,
  showWarningMessage: say,
  showErrorMessage: say,
  showInputBox: (): Promise<string> => Promise.resolve("typed-key"),
  showTextDocument: (document: TextDocument): Promise<TextEditor> => {
    const start = new Position(0, 0);
    const editor = new TextEditor(document, new Selection(start, start));
    state.editors.push(editor);
    return Promise.resolve(editor);
  },
  createStatusBarItem: (): object => ({
    set text(text: string) {
      state.statusTexts.push(text);
    },
    show(): void {},
    dispose(): void {},
  }),
};

export const workspace = {
  getConfiguration: (section: string): object => ({
    get: (name: string): unknown =>
      state.settings.get(`${section}.${name}`) ?? defaults[`${section}.${name}`]?.default,
    inspect: (name: string): object => ({ defaultValue: defaults[`${section}.${name}`]?.default }),
  }),
  onDidChangeTextDocument: changes.event,
  onDidSaveTextDocument: saved.event,
  onDidCloseTextDocument: new EventEmitter<TextDocument>().event,
  onDidChangeConfiguration: new EventEmitter<unknown>().event,
  registerTextDocumentContentProvider: (
    scheme: string,
    provider: { provideTextDocumentContent(uri: Uri): string },
  ): Disposable => {
    state.contents.set(scheme, provider);
    return new Disposable(() => state.contents.delete(scheme));
  },
  openTextDocument: (what: Uri | { language: string; content: string }): Promise<TextDocument> => {
    const document =
      what instanceof Uri
        ? new TextDocument(what, "markdown", "")
        : new TextDocument(new Uri("untitled", "Untitled-1"), what.language, what.content);
    document.isUntitled = !(what instanceof Uri);
    state.documents.push(document);
    return Promise.resolve(document);
  },
  applyEdit: ({ edits }: WorkspaceEdit): Promise<boolean> => {
    for (const { document, range, text } of edits) {
      document.undoStops.push(document.text);
      document.replace(range, text);
    }
    return Promise.resolve(true);
  },
};

export const languages = {
  getDiagnostics: (): unknown[] => state.diagnostics,
  registerInlineCompletionItemProvider: (_: unknown, provider: unknown): Disposable => {
    state.providers.push(provider);
    return new Disposable(() => undefined);
  },
  registerCodeActionsProvider: (_: unknown, provider: unknown): Disposable => {
    state.providers.push(provider);
    return new Disposable(() => undefined);
  },
};

export const commands = {
  registerCommand: (name: string, run: (...values: unknown[]) => unknown): Disposable => {
    state.commands.set(name, run);
    return new Disposable(() => state.commands.delete(name));
  },
  executeCommand: async (name: string, ...values: unknown[]): Promise<unknown> => {
    if (name === "setContext") {
      state.context.set(values[0] as string, values[1]);
      return undefined;
    }
    return name === "vscode.executeDocumentSymbolProvider" ? state.symbols : state.commands.get(name)?.(...values);
  },
};
