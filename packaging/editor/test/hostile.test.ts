/** What a hostile server, a model or a file makes of the extension: an error in words, in bounded memory and time. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";

import { chat, models } from "../src/core/client";
import { findServer } from "../src/core/discovery";
import { StillroomError } from "../src/core/errors";
import { shown } from "../src/core/shownText";
import { eventData } from "../src/core/sse";

type Answer = (response: http.ServerResponse) => void;

async function served<T>(answer: Answer, act: (url: string) => Promise<T>): Promise<T> {
  const server = http.createServer((request, response) => {
    request.resume();
    response.on("error", () => undefined);
    request.on("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  try {
    return await act(`http://127.0.0.1:${port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Sends `piece` for as long as somebody reads. */
function endless(piece: string, head = ""): Answer {
  return (response) => {
    response.write(head);
    const send = (): void => {
      if (!response.destroyed) {
        response.write(piece, () => setImmediate(send));
      }
    };
    send();
  };
}

async function said(url: string, key = "k"): Promise<string> {
  let text = "";
  for await (const piece of chat({ url, key }, [{ role: "user", content: "Hi" }], {}, new AbortController().signal)) {
    text += piece.text;
  }
  return text;
}

async function failure(act: Promise<unknown>): Promise<string> {
  let words = "";
  await assert.rejects(act, (error: StillroomError) => {
    words = error.message;
    return error instanceof StillroomError;
  });
  return words;
}

const LONG = /longer than anything that Stillroom sends/;
const content = (text: string): string => `data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`;

describe("what a server sends without end", () => {
  const answers: Record<string, Answer> = {
    "as a line": endless("x".repeat(1 << 16)),
    "as an event": endless(`data: ${"x".repeat(1 << 16)}\n`),
    "as a reply": endless(content("x".repeat(1 << 16))),
    "as thinking": endless(content("x".repeat(1 << 16)), content("<think>")),
  };
  for (const [name, answer] of Object.entries(answers)) {
    it(`${name} is refused`, async () => {
      assert.match(await served(answer, (url) => failure(said(url))), LONG);
    });
  }

  it("as a refusal is a refusal", async () => {
    const refused = (response: http.ServerResponse): void => {
      response.writeHead(503);
      endless("x".repeat(1 << 16))(response);
    };
    assert.match(await served(refused, (url) => failure(said(url))), /HTTP 503/);
    const slow: Answer = (response) => void response.writeHead(503).write("x");
    assert.match(await served(slow, (url) => failure(said(url))), /HTTP 503/);
  });

  it("as a list of models is none", async () => {
    const list = (answer: Answer): Promise<string> => served(answer, (url) => failure(models({ url, key: "k" })));
    assert.match(await list(endless(`{"data": [${'{"id": "x"},'.repeat(1000)}`)), LONG);
    const drip: Answer = (response) => {
      const timer = setInterval(() => response.write(" "), 100);
      response.on("close", () => clearInterval(timer));
    };
    await served(drip, (url) => assert.rejects(models({ url, key: "k" })));
  });
});

describe("what a server sends of the wrong kind", () => {
  it("is no text", async () => {
    const wrong: Answer = (response) => {
      for (const part of [null, 1, [], { choices: 1 }, { choices: [null] }, { choices: [{ delta: null }], usage: 1 }]) {
        response.write(`data: ${JSON.stringify(part)}\n\n`);
      }
      const delta = { content: { a: 1 }, reasoning_content: [1] };
      response.write(`data: ${JSON.stringify({ choices: [{ delta, finish_reason: {} }] })}\n\n`);
      response.end(`${content("4")}data: [DONE]\n\n`);
    };
    assert.equal(await served(wrong, said), "4");
  });

  it("is no model", async () => {
    const data = [{ id: 1 }, { id: "\u202egnp" }, { id: "x".repeat(1000) }, { id: "one" }];
    const found = await served(
      (response) => response.end(JSON.stringify({ data })),
      (url) => models({ url, key: "k" }),
    );
    assert.deepEqual(found.map(({ id }) => id), ["one"]);
  });

  it("is shown without links that run a command, and in one line", async () => {
    const message = "[Details](command:workbench.action.terminal.new)\n\u001b[31m\u202e" + "x".repeat(10_000);
    const refused: Answer = (response) => response.writeHead(400).end(JSON.stringify({ error: { message } }));
    const words = await served(refused, (url) => failure(said(url)));
    assert.match(words, /\[Details\] \(command:/);
    assert.doesNotMatch(words, /\]\(|[\p{Cc}\p{Cf}]/u);
    assert.ok(words.length < 500);
    assert.equal(shown("中文 naïve 😀"), "中文 naïve 😀");
  });

  it("and a key that is no header, or an address of another kind, are told", async () => {
    assert.match(await failure(said("http://127.0.0.1:9", "a\nb")), /connection to Stillroom broke/);
    assert.match(await failure(said("ftp://127.0.0.1:9")), /connection to Stillroom broke/);
  });
});

describe("events", () => {
  it("are the same in pieces of one byte", async () => {
    async function* bytes(): AsyncGenerator<Uint8Array> {
      for (const byte of new TextEncoder().encode(`data: ${"é".repeat(50_000)}\r\n\r\ndata: b\r\rdata: c\n\n`)) {
        yield Uint8Array.of(byte);
      }
    }
    const found: string[] = [];
    for await (const data of eventData(bytes())) {
      found.push(data);
    }
    assert.deepEqual(found, ["é".repeat(50_000), "b", "c"]);
  });
});

describe("the file that tells of a server", { skip: process.platform === "win32" }, () => {
  it("is no pipe, no folder and of no megabytes", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stillroom-found-"));
    const file = path.join(folder, "server.json");
    const whole = JSON.stringify({ url: "http://127.0.0.1:1", key: "k", pid: process.pid });
    fs.writeFileSync(file, whole);
    assert.equal(findServer([folder])?.key, "k");
    fs.writeFileSync(file, whole + " ".repeat(2 << 20));
    assert.equal(findServer([folder]), undefined);
    fs.rmSync(file);
    fs.mkdirSync(file);
    assert.equal(findServer([folder]), undefined);
    fs.rmdirSync(file);
    assert.equal(spawnSync("mkfifo", [file]).status, 0);
    assert.equal(findServer([folder]), undefined);
    fs.rmSync(folder, { recursive: true });
  });
});
