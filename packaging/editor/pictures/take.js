// Works with the extension in a real VS Code (code-server) as a person does, with keys, and takes a picture of each
// command's result. Arguments: the address, the folder of the pictures, a file that is deleted to end the server, and the
// steps where not all are wanted.
const fs = require("node:fs");
const path = require("node:path");

const puppeteer = require("puppeteer-core");

const [address, folder, discovery, ...only] = process.argv.slice(2);
const LONGEST_MS = 300_000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    args: ["--no-sandbox", "--disable-gpu", "--lang=en"],
    defaultViewport: { width: 1100, height: 600 },
    protocolTimeout: LONGEST_MS,
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(LONGEST_MS);
  await page.goto(address, { waitUntil: "domcontentloaded" });

  const status = () =>
    page.$$eval(".statusbar-item", (items) =>
      items.map((item) => item.textContent ?? "").filter((text) => /Stillroom|tok\/s/.test(text)).join(),
    );
  const until = async (pattern) => {
    const end = Date.now() + LONGEST_MS;
    while (!pattern.test(await status())) {
      if (Date.now() > end) {
        throw new Error(`The status bar says ${await status()}, not ${pattern}.`);
      }
      await pause(100);
    }
  };
  const press = async (...keys) => {
    const last = keys.pop();
    for (const key of keys) await page.keyboard.down(key);
    await page.keyboard.press(last);
    for (const key of keys.reverse()) await page.keyboard.up(key);
  };
  const open = async (name) => {
    await press("Control", "KeyP");
    await page.waitForSelector(".quick-input-widget input");
    await page.keyboard.type(name);
    await pause(1500);
    await page.keyboard.press("Enter");
    await page.waitForSelector(`.tab.active[data-resource-name="${name}"]`);
    await page.waitForSelector(".monaco-editor.focused");
  };
  const go = async (line) => {
    await press("Control", "KeyG");
    await page.waitForSelector(".quick-input-widget input");
    await page.keyboard.type(String(line));
    await page.keyboard.press("Enter");
    await page.waitForSelector(".monaco-editor.focused");
    await page.keyboard.press("Home");
  };
  const select = async (first, last) => {
    await go(first);
    for (let line = first; line < last; line++) await press("Shift", "ArrowDown");
    await press("Shift", "End");
  };
  const command = async (letter) => {
    await press("Alt", "KeyQ");
    await pause(300);
    await page.keyboard.press(letter);
  };
  const run = async (title) => {
    await page.keyboard.press("F1");
    await page.waitForSelector(".quick-input-widget input");
    await page.keyboard.type(title);
    await pause(1500);
    await page.keyboard.press("Enter");
    await pause(500);
  };
  const idle = async () => {
    await until(/^(?!.*(reading|thinking|writing))/);
    await pause(1000);
  };
  const picture = (name) => page.screenshot({ path: path.join(folder, `editor-${name}.png`) });

  await page.waitForSelector(".statusbar");
  await until(/Stillroom/);

  const steps = {
    complete: async () => {
      await open("figures.py");
      await select(9, 11);
      await command("KeyC");
      await until(/writing · /);
      await pause(1500);
      await picture("complete-writing");
      await idle();
      await picture("complete");
      await press("Control", "KeyZ");
      await pause(1500);
      const lines = await page.$$eval(".view-line", (found) => found.map((line) => line.textContent).join("\n"));
      if (!lines.includes("TODO")) {
        throw new Error("One undo did not bring back what was there.");
      }
    },
    explain: async () => {
      await open("figures.py");
      await select(14, 17);
      await command("KeyE");
      await until(/writing/);
      await idle();
      await picture("explain");
    },
    fix: async () => {
      await open("total.ts");
      await go(5);
      for (let column = 0; column < 11; column++) await page.keyboard.press("ArrowRight");
      await page.waitForSelector(".squiggly-error");
      await pause(1000);
      await picture("fix-before");
      await command("KeyF");
      await until(/reading|writing/);
      await idle();
      await picture("fix");
    },
    tests: async () => {
      await open("figures.py");
      await select(4, 6);
      await command("KeyT");
      await until(/writing/);
      await idle();
      await picture("tests");
    },
    inline: async () => {
      await open("figures.py");
      await go(18);
      await page.keyboard.type('\nNAMES = ["zero", "one", "two", "three", "four",', { delay: 50 });
      await page.keyboard.press("Escape");
      await run("Trigger Inline Suggestion");
      await page.waitForSelector(".ghost-text, .ghost-text-decoration");
      await pause(500);
      await picture("inline");
      await page.keyboard.press("Escape");
    },
    "not-running": async () => {
      await open("total.ts");
      await select(2, 8);
      fs.rmSync(discovery);
      await until(/not running/);
      await command("KeyE");
      await page.waitForSelector(".notification-toast");
      await pause(1000);
      await picture("not-running");
    },
  };
  for (const name of only.length > 0 ? only : Object.keys(steps)) {
    try {
      await steps[name]();
    } catch (error) {
      await page.screenshot({ path: "build/code-server/failed.png" });
      throw new Error(`${name}: ${error.message}`);
    }
    await run("View: Close All Editors");
  }
  await browser.close();
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
