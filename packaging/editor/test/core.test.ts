import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";

import { firstCodeBlock, indentLike } from "../src/core/codeBlock";
import { inlinePrompt, inlineSuffix, worthShowing } from "../src/core/continuation";
import { dataFolders, findServer } from "../src/core/discovery";
import { TrackedText, smallestEdit } from "../src/core/edits";
import { TokenRate } from "../src/core/rate";
import { eventData } from "../src/core/sse";
import { type Piece, ThinkSplitter } from "../src/core/thinking";

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) {
    yield bytes.subarray(start, start + size);
  }
}

async function all<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) {
    found.push(value);
  }
  return found;
}

describe("the reader of server-sent events", () => {
  const stream = Buffer.from(
    ': hello\r\nevent: x\r\ndata: {"a": "日本語 🙂"}\r\n\r\ndata:one\ndata: two\n\n\n\ndata: [DONE]\n\ndata: cut off',
  );

  it("gives the same events however the bytes are cut", async () => {
    for (let size = 1; size <= stream.length; size++) {
      assert.deepEqual(await all(eventData(cut(stream, size))), ['{"a": "日本語 🙂"}', "one\ntwo", "[DONE]"]);
    }
  });
});

describe("the think splitter", () => {
  const split = (text: string, size: number): Record<string, string> => {
    const splitter = new ThinkSplitter();
    const pieces: Piece[] = [];
    for (let start = 0; start < text.length; start += size) {
      pieces.push(...splitter.add(text.slice(start, start + size)));
    }
    pieces.push(...splitter.end());
    const joined = { thinking: "", answer: "" };
    pieces.forEach(({ channel, text: piece }) => (joined[channel] += piece));
    return joined;
  };

  for (const [text, thinking, answer] of [
    ["<think>\nHm </thin or not\n</think>\n\nYes.", "\nHm </thin or not\n", "Yes."],
    ["\n <think></think>Yes.", "", "Yes."],
    ["The tag <think> opens a thought </think>.", "", "The tag <think> opens a thought </think>."],
    ["<thinking> is another tag", "", "<thinking> is another tag"],
    ["<think>never closed", "never closed", ""],
    ["<thi", "", "<thi"],
    ["", "", ""],
  ] as const) {
    it(`parts ${JSON.stringify(text)} in pieces of any size`, () => {
      for (let size = 1; size <= text.length + 1; size++) {
        assert.deepEqual(split(text, size), { thinking, answer });
      }
    });
  }
});

describe("the code block of a reply", () => {
  const reply = "It was wrong:\n\n```python\ndef f():\n    return '```'\n```\n\nNow it is right.";

  it("is taken with the words around it", () => {
    assert.deepEqual(firstCodeBlock(reply, true), {
      code: "def f():\n    return '```'",
      closed: true,
      words: "It was wrong:\n\n\n\nNow it is right.",
    });
  });

  it("only ever grows while the reply does, and never holds its fence", () => {
    let before = "";
    for (let length = 0; length <= reply.length; length++) {
      const code = firstCodeBlock(reply.slice(0, length), false)?.code ?? "";
      assert.ok(code.startsWith(before), `${JSON.stringify(before)} then ${JSON.stringify(code)}`);
      before = code;
    }
  });

  it("may hold shorter fences, be indented, or lack its end", () => {
    assert.equal(firstCodeBlock("````md\n```\nx\n```\n````\n", true)?.code, "```\nx\n```");
    assert.equal(firstCodeBlock("1. So:\n   ```\n   a\n     b\n   ```\n", true)?.code, "a\n  b");
    assert.equal(firstCodeBlock("```\na\nb", true)?.code, "a\nb");
    assert.equal(firstCodeBlock("no code", true), undefined);
  });

  it("is moved to the depth of what it replaces", () => {
    assert.equal(indentLike("if x:\n    y()\n\n", "\n        old()\n"), "        if x:\n            y()\n\n");
    assert.equal(indentLike("    a\n  b", "\tx"), "\t  a\n\tb");
    assert.equal(indentLike("a", ""), "a");
  });
});

describe("the smallest edit", () => {
  it("makes one text of the other", () => {
    const texts = ["", "a", "ab", "aab", "abab", "xaby", "abcabc", "ab\ncd"];
    for (const from of texts) {
      for (const to of texts) {
        const edit = smallestEdit(from, to) ?? { offset: 0, removed: 0, inserted: "" };
        assert.equal(from.slice(0, edit.offset) + edit.inserted + from.slice(edit.offset + edit.removed), to);
      }
    }
    assert.deepEqual(smallestEdit("a grows", "a grows on"), { offset: 7, removed: 0, inserted: " on" });
  });
});

describe("text that is tracked", () => {
  it("moves with edits before it, stays with edits after it, and is lost to edits in it", () => {
    const tracked = (offset: number, removed: number, inserted: string): TrackedText => {
      const text = new TrackedText(10, 5);
      text.apply({ offset, removed, inserted });
      return text;
    };
    assert.deepEqual({ ...tracked(0, 2, "xyz") }, { lost: false, offset: 11, length: 5 });
    assert.deepEqual({ ...tracked(5, 5, "") }, { lost: false, offset: 5, length: 5 });
    assert.deepEqual({ ...tracked(15, 0, "x") }, { lost: false, offset: 10, length: 5 });
    assert.equal(tracked(12, 0, "x").lost, true);
    assert.equal(tracked(8, 4, "").lost, true);
    assert.equal(tracked(14, 9, "").lost, true);
  });
});

describe("the rate", () => {
  it("counts from the first token on", () => {
    const rate = new TokenRate();
    assert.equal(rate.perSecond(), 0);
    [1000, 1100, 1200].forEach((now) => rate.add(now));
    assert.equal(rate.perSecond(), 10);
    assert.equal(rate.perSecond(5), 20);
  });
});

describe("an inline completion", () => {
  it("is asked for at the end of a line only, in whole lines that stay the same for many keys", () => {
    assert.equal(inlinePrompt("  ", "", 100), undefined);
    assert.equal(inlinePrompt("x = f(", "y)", 100), undefined);
    assert.equal(inlinePrompt("x = f(", ")\nnext", 100), "x = f(");
    const file = Array.from({ length: 100 }, (_, line) => `line ${line}`).join("\n");
    const starts = new Set<string>();
    for (let typed = 0; typed < 40; typed++) {
      const prompt = inlinePrompt(file + "x".repeat(typed), "", 200) ?? "";
      assert.ok(prompt.length <= 200 && prompt.startsWith("line "));
      starts.add(prompt.split("\n", 1)[0] ?? "");
    }
    assert.ok(starts.size <= 2, [...starts].join());
  });

  it("may stand before text where the model fills in the middle", () => {
    assert.equal(inlinePrompt("x = f(", "y)", 100, true), "x = f(");
    assert.equal(inlineSuffix("y)\nz = 1\n", 100), "y)\nz = 1\n");
    assert.equal(inlineSuffix("y)\nz = 1\n", 16), "y)");
    assert.equal(inlineSuffix("\n \n", 100), "");
  });

  it("ends with the line in the middle of one, without a bracket that is there already", () => {
    assert.deepEqual(worthShowing("a, b)\nmore", "f(", ")\n", false), { text: "a, b", done: true });
    assert.deepEqual(worthShowing("g(a), b) + 1", "f(", ");\n", false), { text: "g(a), b", done: true });
    assert.deepEqual(worthShowing('one", "two"', 'x = "', '"\n', false), { text: "one", done: true });
    assert.deepEqual(worthShowing("a, b", "f(", "", false), { text: "a, b", done: false });
  });

  it("ends with its block on a new line, and before what stands there already", () => {
    const before = "def f():\n    ";
    assert.deepEqual(worthShowing("x = 1\n    return x\n\ndef g", before, "", false), {
      text: "x = 1\n    return x",
      done: true,
    });
    assert.deepEqual(worthShowing("x = 1\n    return x\n    y", before, "\n    return x\n", false), {
      text: "x = 1",
      done: true,
    });
    assert.equal(worthShowing("x = 1\n".repeat(50), "# go\n", "", false).text.split("\n").length, 12);
  });
});

describe("discovery", () => {
  it("looks where platformdirs puts the data", () => {
    const folders = (platform: NodeJS.Platform, env: NodeJS.ProcessEnv, home: string): string[] =>
      dataFolders({ platform, env, home });
    assert.deepEqual(folders("linux", {}, "/home/a"), ["/home/a/.local/share/stillroom"]);
    assert.deepEqual(folders("linux", { XDG_DATA_HOME: "/snap/x" }, "/home/a"), [
      "/snap/x/stillroom",
      "/home/a/.local/share/stillroom",
    ]);
    assert.deepEqual(folders("win32", { LOCALAPPDATA: "C:\\Users\\a\\AppData\\Local" }, "C:\\Users\\a"), [
      "C:\\Users\\a\\AppData\\Local\\stillroom",
    ]);
    assert.deepEqual(folders("win32", {}, "C:\\Users\\a"), ["C:\\Users\\a\\AppData\\Local\\stillroom"]);
    assert.deepEqual(folders("darwin", {}, "/Users/a"), ["/Users/a/Library/Application Support/stillroom"]);
    assert.deepEqual(folders("linux", { STILLROOM_HOME: "~/models" }, "/home/a"), ["/home/a/models/data"]);
    assert.deepEqual(dataFolders({ platform: "linux", env: { STILLROOM_HOME: "/b" }, home: "/c" }, "/a"), ["/a/data"]);
  });

  it("believes a file of a living process of this user, and no other", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stillroom-discovery-"));
    const file = path.join(folder, "server.json");
    const write = (found: unknown): void => fs.writeFileSync(file, JSON.stringify(found));
    try {
      assert.equal(findServer([folder]), undefined);
      const alive = { url: "http://127.0.0.1:1", key: "k", pid: process.pid };
      write(alive);
      assert.deepEqual(findServer(["/nowhere", folder]), { url: "http://127.0.0.1:1", key: "k" });
      write({ ...alive, certificate: "PEM" });
      assert.deepEqual(findServer([folder]), { url: "http://127.0.0.1:1", key: "k", certificate: "PEM" });
      for (const wrong of [{ ...alive, pid: 2 ** 22 + 1 }, { ...alive, url: "file:///etc" }, { url: "x" }, null, [], 1]) {
        write(wrong);
        assert.equal(findServer([folder]), undefined, JSON.stringify(wrong));
      }
      fs.writeFileSync(file, "{");
      assert.equal(findServer([folder]), undefined);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
});
