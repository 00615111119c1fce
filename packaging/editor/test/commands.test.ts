/** The extension's commands with the real server and the real model; only the editor is a stand-in. */
import "./support/standIn";

import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as path from "node:path";
import { after, afterEach, before, describe, it } from "node:test";

import { chat, complete, models } from "../src/core/client";
import { CancelledError, StillroomError } from "../src/core/errors";
import type { Piece } from "../src/core/thinking";
import { activate } from "../src/extension";
import { EDITOR, RealServer } from "./support/server";
import * as vscode from "./support/vscode";

const { state } = vscode;

const SOURCE = `def mean(values):
    """The arithmetic mean."""
    return sum(values) / len(values)


def add(a, b):
    # TODO


print(add(1, 2))
`;

let real: RealServer;
const subscriptions: { dispose(): void }[] = [];

before(async () => {
  real = await RealServer.start();
  process.env["STILLROOM_HOME"] = real.home;
  const secrets = new Map<string, string>();
  await activate({
    subscriptions,
    extensionPath: EDITOR,
    secrets: {
      get: (name: string) => Promise.resolve(secrets.get(name)),
      store: (name: string, value: string) => Promise.resolve(void secrets.set(name, value)),
      delete: (name: string) => Promise.resolve(void secrets.delete(name)),
    },
  } as never);
  state.settings.set("stillroom.maxTokens", 600);
});

after(async () => {
  subscriptions.forEach((subscription) => subscription.dispose());
  await real.stop();
});

afterEach(() => {
  state.messages.length = 0;
  state.diagnostics = [];
  state.settings.delete("stillroom.url");
  state.settings.delete("stillroom.home");
});

function select(text: string): vscode.TextEditor {
  const start = SOURCE.indexOf(text);
  return vscode.openFile("/project/figures.py", "python", SOURCE, start, start + text.length);
}

async function gather(reply: AsyncIterable<Piece>): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of reply) {
    pieces.push(piece);
  }
  return pieces;
}

describe("the client", () => {
  const question = [{ role: "user", content: "Name three colours." }] as const;
  const greedy = { temperature: 0, maxTokens: 24 };

  it("names the models of the server", async () => {
    const served = await models(real.server);
    assert.deepEqual(served, [{ id: "SmolLM2-135M-Instruct/Q4_1", fillsInTheMiddle: false }]);
  });

  it("gives a reply in pieces, with the server's own count", async () => {
    const reply = chat(real.server, question, greedy, new AbortController().signal);
    const pieces: Piece[] = [];
    let next = await reply.next();
    for (; !next.done; next = await reply.next()) {
      pieces.push(next.value);
    }
    assert.ok(pieces.length > 3);
    assert.ok(pieces.every(({ channel }) => channel === "answer"));
    assert.ok((next.value.tokens ?? 0) > 3 && (next.value.tokens ?? 0) <= 24);
    assert.match(next.value.reason, /^(stop|length)$/);
  });

  it("ends when it is stopped", async () => {
    const stopped = new AbortController();
    const reply = chat(real.server, question, { maxTokens: 2000, temperature: 1 }, stopped.signal);
    await reply.next();
    stopped.abort();
    await assert.rejects(gather(reply), CancelledError);
  });

  it("goes on with plain text", async () => {
    const reply = complete(real.server, "one, two, three,", { ...greedy, maxTokens: 6 }, new AbortController().signal);
    const text = (await gather(reply)).map((piece) => piece.text).join("");
    assert.match(text, /four/);
  });

  it("says what the server says, and that a key is wrong", async () => {
    const { signal } = new AbortController();
    await assert.rejects(gather(chat(real.server, question, { model: "none" }, signal)), (error: StillroomError) =>
      /refused the request: There is no model none/.test(error.message),
    );
    await assert.rejects(
      gather(chat({ ...real.server, key: "x".repeat(30) }, question, {}, signal)),
      (error: StillroomError) => error.message === "Stillroom refused the key.",
    );
  });
});

describe("a command", () => {
  it("completes the selection in its place, as one step of undo, while the status bar shows the speed", async () => {
    const editor = select("def add(a, b):\n    # TODO\n");
    state.statusTexts.length = 0;
    await vscode.commands.executeCommand("stillroom.complete");
    assert.deepEqual(state.messages, []);
    const { document } = editor;
    const at = SOURCE.indexOf("def add");
    assert.notEqual(document.text, SOURCE);
    assert.equal(document.text.slice(0, at), SOURCE.slice(0, at));
    assert.ok(document.text.endsWith("\n\n\nprint(add(1, 2))\n"));
    assert.doesNotMatch(document.text, /```|<think>/);
    assert.equal(document.undoStops.length, 1);
    document.undo();
    assert.equal(document.text, SOURCE);
    assert.ok(state.statusTexts.some((text) => /writing · \d+\.\d tok\/s/.test(text)));
    assert.match(state.statusTexts.at(-1) ?? "", /^\$\(beaker\) \d+\.\d tok\/s$/);
    assert.equal(state.context.get("stillroom.busy"), false);
  });

  it("keeps what is typed elsewhere meanwhile, and the line ends of the file", async () => {
    const source = SOURCE.replaceAll("\n", "\r\n");
    const start = source.indexOf("def add");
    const editor = vscode.openFile("/project/figures.py", "python", source, start, source.indexOf("TODO") + 4);
    const asked = vscode.commands.executeCommand("stillroom.complete");
    editor.document.type(0, "# typed before the reply\r\n");
    const typed = new Promise<void>((resolve) => {
      const listener = vscode.workspace.onDidChangeTextDocument(() => {
        listener.dispose();
        editor.document.type(0, "# typed meanwhile\r\n");
        resolve();
      });
    });
    await Promise.all([asked, typed]);
    assert.ok(editor.document.text.startsWith(`# typed meanwhile\r\n# typed before the reply\r\n${source.slice(0, start)}`));
    assert.ok(editor.document.text.endsWith("\r\n\r\n\r\nprint(add(1, 2))\r\n"));
    assert.doesNotMatch(editor.document.text, /[^\r]\n/);
  });

  it("is one step of undo also where the editor saves the file meanwhile", async () => {
    const editor = select("def add(a, b):\n    # TODO\n");
    const asked = vscode.commands.executeCommand("stillroom.complete");
    const listener = vscode.workspace.onDidChangeTextDocument(() => {
      listener.dispose();
      editor.document.save();
    });
    await asked;
    assert.notEqual(editor.document.text, SOURCE);
    editor.document.undo();
    assert.equal(editor.document.text, SOURCE);
  });

  it("that is stopped leaves the file as it was and says nothing", async () => {
    const editor = select("def add(a, b):\n    # TODO\n");
    const asked = vscode.commands.executeCommand("stillroom.complete");
    const listener = vscode.workspace.onDidChangeTextDocument(() => {
      listener.dispose();
      void vscode.commands.executeCommand("stillroom.stop");
    });
    await asked;
    assert.equal(editor.document.text, SOURCE);
    assert.deepEqual(state.messages, []);
    assert.equal(state.context.get("stillroom.busy"), false);
  });

  it("corrects the error under the cursor, with what the editor says about it", async () => {
    const editor = select("# TODO");
    const { start } = editor.selection;
    editor.selection = new vscode.Selection(start, start);
    const range = new vscode.Range(new vscode.Position(6, 4), new vscode.Position(6, 10));
    state.diagnostics = [{ message: "expected an indented block", severity: 0, range }];
    const whole = new vscode.Range(new vscode.Position(5, 0), new vscode.Position(6, 10));
    state.symbols = [{ range: whole, children: [] }];
    await vscode.commands.executeCommand("stillroom.fix");
    const lines = editor.document.text.split("\n");
    // Either it is corrected and told about, or the small model gave no code and nothing is changed.
    assert.equal(lines[0], "def mean(values):");
    assert.ok(editor.document.text.endsWith("\n\n\nprint(add(1, 2))\n"));
    assert.ok(editor.document.text !== SOURCE || /no code|as it is/.test(state.messages[0] ?? ""));
    assert.deepEqual(editor.selection.start, start);
  });

  it("is offered in the light bulb's menu where there is an error", () => {
    const quickFixes = state.providers.find((known) => "provideCodeActions" in (known as object)) as {
      provideCodeActions(...values: unknown[]): { title: string; command: { command: string } }[];
    };
    const offered = (severity: number): string[] =>
      quickFixes
        .provideCodeActions(undefined, undefined, { diagnostics: [{ severity }] })
        .map(({ title, command }) => `${title}: ${command.command}`);
    assert.deepEqual(offered(vscode.DiagnosticSeverity.Error), ["Fix with Stillroom: stillroom.fix"]);
    assert.deepEqual(offered(vscode.DiagnosticSeverity.Hint), []);
  });

  it("takes back code that the limit of tokens has cut", async () => {
    const editor = select("def add(a, b):\n    # TODO\n");
    state.settings.set("stillroom.maxTokens", 12);
    await vscode.commands.executeCommand("stillroom.complete");
    state.settings.set("stillroom.maxTokens", 600);
    assert.match(state.messages[0] ?? "", /limit of tokens.*stillroom\.maxTokens/);
    assert.equal(editor.document.text, SOURCE);
  });

  it("says that there is no error under the cursor", async () => {
    const editor = select("print");
    editor.selection = new vscode.Selection(editor.selection.start, editor.selection.start);
    await vscode.commands.executeCommand("stillroom.fix");
    assert.match(state.messages[0] ?? "", /no error under the cursor/);
    assert.equal(editor.document.text, SOURCE);
  });

  it("explains in a document beside the editor and leaves the file alone", async () => {
    const editor = select("def mean(values):\n");
    await vscode.commands.executeCommand("stillroom.explain");
    const beside = state.documents.find(({ uri }) => uri.scheme === "stillroom");
    assert.ok(beside);
    assert.equal(beside.uri.path.split("/").pop(), "Explanation of figures.py.md");
    const text = state.contents.get("stillroom")?.provideTextDocumentContent(beside.uri) ?? "";
    assert.ok(text.length > 40, text);
    assert.equal(editor.document.text, SOURCE);
  });

  it("writes tests into a new document of the same language", async () => {
    const editor = select("def mean(values):\n");
    await vscode.commands.executeCommand("stillroom.tests");
    const tests = state.documents.find(({ isUntitled }) => isUntitled);
    assert.equal(editor.document.text, SOURCE);
    assert.ok(tests ? tests.languageId === "python" && tests.text.length > 10 : /holds no code/.test(state.messages[0] ?? ""));
  });

  it("shows no link of a model's that runs a command", async () => {
    const words = "[Click](command:workbench.action.terminal.new) \u001b[31mhere";
    const content = `\`\`\`python\nx = 1\n\`\`\`\n${words}`;
    const server = http.createServer((request, response) => {
      request.resume();
      response.end(`data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\ndata: [DONE]\n\n`);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      state.settings.set("stillroom.url", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      select("def mean(values):\n");
      await vscode.commands.executeCommand("stillroom.tests");
      assert.deepEqual(state.messages, ["[Click] (command:workbench.action.terminal.new) ·[31mhere"]);
    } finally {
      server.close();
    }
  });

  it("says what to do where Stillroom does not run", async () => {
    const editor = select("def mean(values):\n");
    state.settings.set("stillroom.home", path.join(real.home, "nobody"));
    await vscode.commands.executeCommand("stillroom.complete");
    assert.match(state.messages[0] ?? "", /not running.*switch the local API on/);
    assert.equal(state.statusTexts.at(-1), "$(circle-slash) Stillroom: not running");
    state.settings.delete("stillroom.home");
    state.settings.set("stillroom.url", "http://127.0.0.1:9");
    await vscode.commands.executeCommand("stillroom.complete");
    assert.match(state.messages[1] ?? "", /does not answer/);
    assert.equal(editor.document.text, SOURCE);
  });

  it("does not send the key of this computer to another server", async () => {
    state.settings.set("stillroom.url", real.server.url);
    select("def mean(values):\n");
    await vscode.commands.executeCommand("stillroom.explain");
    assert.match(state.messages[0] ?? "", /refused the key/);
  });
});

describe("an inline completion", () => {
  const provider = (): {
    provideInlineCompletionItems(...values: unknown[]): Promise<vscode.InlineCompletionItem[]>;
  } => state.providers.find((known) => "provideInlineCompletionItems" in (known as object)) as never;
  const typing = { triggerKind: vscode.InlineCompletionTriggerKind.Automatic };
  const asking = { triggerKind: vscode.InlineCompletionTriggerKind.Invoke };
  const LINE = 'DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven",';

  it("comes when it is asked for, and goes on with the line", async () => {
    const { document, selection } = vscode.openFile("/project/a.py", "python", LINE, LINE.length, LINE.length);
    const { token } = new vscode.CancellationTokenSource();
    const items = await provider().provideInlineCompletionItems(document, selection.start, asking, token);
    assert.equal(items.length, 1);
    assert.match(items[0]?.insertText ?? "", /^ ?"eight"[^\n]*\S$/);
    assert.doesNotMatch(items[0]?.insertText ?? "", /[ ,]"$/);
  });

  it("fills in the middle of a line where the model was taught that", async () => {
    const asked: unknown[] = [];
    const server = http.createServer((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        if (request.method === "GET") {
          response.end('{"data": [{"id": "one", "fills_in_the_middle": true}]}');
          return;
        }
        asked.push(JSON.parse(body));
        response.end('data: {"choices": [{"text": "a, ", "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      const { port } = server.address() as AddressInfo;
      state.settings.set("stillroom.url", `http://127.0.0.1:${port}`);
      await vscode.commands.executeCommand("stillroom.showState");
      const { document, selection } = vscode.openFile("/project/a.py", "python", "x = f(b)\ny = 1\n", 6, 6);
      const { token } = new vscode.CancellationTokenSource();
      const items = await provider().provideInlineCompletionItems(document, selection.start, asking, token);
      assert.deepEqual(items.map(({ insertText }) => insertText), ["a, "]);
      const [request] = asked as { prompt: string; suffix: string }[];
      assert.deepEqual([request?.prompt, request?.suffix], ["x = f(", "b)\ny = 1\n"]);
    } finally {
      server.close();
    }
  });

  it("does not come by itself until that is switched on, nor once the next key is pressed", async () => {
    const { document, selection } = vscode.openFile("/project/a.py", "python", LINE, LINE.length, LINE.length);
    const source = new vscode.CancellationTokenSource();
    const ask = (): Promise<unknown[]> =>
      provider().provideInlineCompletionItems(document, selection.start, typing, source.token);
    assert.deepEqual(await ask(), []);
    state.settings.set("stillroom.inlineCompletion.enabled", true);
    state.settings.set("stillroom.inlineCompletion.delay", 0);
    assert.equal((await ask()).length, 1);
    const late = ask();
    source.cancel();
    assert.deepEqual(await late, []);
  });
});

describe("the Chinese texts", () => {
  const read = (name: string): Record<string, string> =>
    JSON.parse(fs.readFileSync(path.join(EDITOR, name), "utf8")) as Record<string, string>;
  const fields = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([field]) => field).sort();

  it("are there for each text of the manifest", () => {
    assert.deepEqual(Object.keys(read("package.nls.zh-cn.json")), Object.keys(read("package.nls.json")));
    const named = [...JSON.stringify(read("package.json")).matchAll(/"%([\w.]+)%"/g)].map(([, name]) => name);
    assert.deepEqual([...new Set(named)].sort(), Object.keys(read("package.nls.json")).sort());
  });

  it("are there for each text of the code, with the same fields, and for nothing else", () => {
    const bundle = read("l10n/bundle.l10n.zh-cn.json");
    const texts = new Set<string>();
    for (const folder of ["src", "src/core", "src/editor"]) {
      for (const name of fs.readdirSync(path.join(EDITOR, folder)).filter((file) => file.endsWith(".ts"))) {
        const source = fs.readFileSync(path.join(EDITOR, folder, name), "utf8");
        for (const [, text] of source.matchAll(/l10n\.t\(\s*"([^"]+)"/g)) {
          texts.add(text ?? "");
        }
        for (const [, text, hint] of source.matchAll(/new (?:Stillroom|NotRunning)Error\(\s*"([^"]+)"(?:,\s*"([^"]*)")?/g)) {
          texts.add(text ?? "");
          texts.add(hint ?? "");
        }
      }
    }
    texts.delete("");
    assert.deepEqual(Object.keys(bundle).sort(), [...texts].sort());
    for (const [text, translated] of Object.entries(bundle)) {
      assert.deepEqual(fields(translated), fields(text), text);
    }
  });
});
