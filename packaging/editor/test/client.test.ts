/**
 * What the real starter model cannot bring about: thinking, and servers that fail. The server here is a stand-in that
 * sends what it is told to.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { describe, it } from "node:test";

import { chat, models } from "../src/core/client";
import { NotRunningError, StillroomError } from "../src/core/errors";

type Answer = (response: http.ServerResponse) => void;

async function reply(answer: Answer): Promise<{ thinking: string; answer: string; asked: string }> {
  let asked = "";
  const server = http.createServer((request, response) => {
    request.on("data", (chunk: Buffer) => (asked += chunk.toString()));
    request.on("end", () => answer(response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const joined = { thinking: "", answer: "" };
  try {
    const stand = { url: `http://127.0.0.1:${port}`, key: "k" };
    const wishes = { effort: "none", maxTokens: 5 };
    for await (const piece of chat(stand, [{ role: "user", content: "Hi" }], wishes, new AbortController().signal)) {
      joined[piece.channel] += piece.text;
    }
  } finally {
    server.close();
  }
  return { ...joined, asked };
}

function stream(...deltas: object[]): Answer {
  return (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const delta of deltas) {
      response.write(`data: ${JSON.stringify({ choices: [{ delta }] })}\n\n`);
    }
    response.end("data: [DONE]\n\n");
  };
}

describe("thinking", () => {
  it("that the server sends apart stays apart", async () => {
    const said = await reply(stream({ reasoning_content: "Hm, " }, { reasoning_content: "four." }, { content: "4" }));
    assert.deepEqual([said.thinking, said.answer], ["Hm, four.", "4"]);
    assert.deepEqual(JSON.parse(said.asked), {
      stream: true,
      stream_options: { include_usage: true },
      max_tokens: 5,
      reasoning_effort: "none",
      messages: [{ role: "user", content: "Hi" }],
    });
  });

  it("that the server leaves in the text is taken out of it", async () => {
    const said = await reply(stream({ content: "<thi" }, { content: "nk>Hm</th" }, { content: "ink>\n\n4" }));
    assert.deepEqual([said.thinking, said.answer], ["Hm", "4"]);
  });
});

describe("a server that fails", () => {
  const failure = async (answer: Answer): Promise<string> => {
    let words = "";
    await assert.rejects(reply(answer), (error: StillroomError) => {
      words = `${error.message} ${error.hintText()}`.trim();
      return error instanceof StillroomError;
    });
    return words;
  };
  const status = (code: number, body: string, headers: http.OutgoingHttpHeaders = {}): Answer => {
    return (response) => response.writeHead(code, headers).end(body);
  };

  it("says when to try again", async () => {
    assert.match(await failure(status(429, "{}", { "retry-after": "7" })), /busy.*again in 7 s/);
  });

  it("is quoted", async () => {
    assert.match(await failure(status(400, '{"error": {"message": "Too long."}}')), /refused.*: Too long\./);
    assert.match(await failure(status(503, "oops")), /HTTP 503/);
    const broken: Answer = (response) => response.end('data: {"error": {"message": "No memory."}}\n\n');
    assert.match(await failure(broken), /broke the reply off: No memory\./);
  });

  it("in the middle of a reply is told apart from one that is not there", async () => {
    const cut: Answer = (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write('data: {"choices": [{"delta": {"content": "4"}}]}\n\n', () => response.destroy());
    };
    assert.match(await failure(cut), /connection to Stillroom broke/);
    const endless: Answer = (response) => response.end('data: {"choices": [{"delta": {"content": "4"}}]}\n\n');
    assert.match(await failure(endless), /has no end/);
    const nobody = chat({ url: "http://127.0.0.1:9", key: "" }, [], {}, new AbortController().signal);
    await assert.rejects(nobody.next(), NotRunningError);
  });
});

const NO_OPENSSL = spawnSync("openssl", ["version"]).error ? "makes its certificates with openssl" : false;

describe("a server that speaks TLS", { skip: NO_OPENSSL }, () => {
  const certificate = (folder: string, name: string): { cert: string; key: string } => {
    const [cert, key] = [path.join(folder, `${name}.pem`), path.join(folder, `${name}.key`)];
    const made = ["-newkey", "rsa:2048", "-nodes", "-subj", `/CN=${name}`, "-keyout", key, "-out", cert];
    assert.equal(spawnSync("openssl", ["req", "-x509", ...made]).status, 0);
    return { cert: fs.readFileSync(cert, "utf8"), key: fs.readFileSync(key, "utf8") };
  };

  it("is believed by the certificate that it was found with, and by no other", async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "stillroom-tls-"));
    const own = certificate(folder, "box.example");
    const other = certificate(folder, "box.example.org");
    let asked = 0;
    const server = https.createServer(own, (_, response) => {
      asked++;
      response.end('{"data": [{"id": "one"}]}');
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const stand = { url: `https://127.0.0.1:${port}`, key: "k" };
    try {
      assert.deepEqual(await models({ ...stand, certificate: own.cert }), [{ id: "one", fillsInTheMiddle: false }]);
      await assert.rejects(models({ ...stand, certificate: other.cert }), StillroomError);
      await assert.rejects(models(stand), StillroomError);
      assert.equal(asked, 1);
    } finally {
      server.close();
      fs.rmSync(folder, { recursive: true });
    }
  });
});
