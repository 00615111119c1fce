import * as fs from "node:fs";
import * as path from "node:path";

export type Task = "complete" | "explain" | "tests" | "fix";

/** The place in a file that a question is about: `text[start:end]`, a cursor when both are equal. */
export interface Excerpt {
  readonly fileName: string;
  /** The editor's own id of the language: "python", "cpp". */
  readonly language: string;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const NAMES: Record<string, string> = {
  plaintext: "plain text",
  c: "C",
  cpp: "C++",
  csharp: "C#",
  css: "CSS",
  html: "HTML",
  javascript: "JavaScript",
  javascriptreact: "JavaScript",
  json: "JSON",
  php: "PHP",
  shellscript: "shell",
  sql: "SQL",
  typescript: "TypeScript",
  typescriptreact: "TypeScript",
};

/** Stillroom's own prompts about code, with as much of the file around the excerpt as is allowed. */
export class Prompts {
  private readonly templates = new Map<string, string>();

  /** `folder` holds Stillroom's resources/prompts. */
  constructor(private readonly folder: string) {}

  /**
   * The prompt of `task` with at most `contextCharacters` of the lines around the excerpt, nearest first.
   *
   * `problem` is what a checker said. As app/code/ask.py does it, so that the window and the editor ask alike.
   */
  compose(task: Task, excerpt: Excerpt, contextCharacters: number, problem = ""): string {
    const [before, after] = surroundings(excerpt, contextCharacters);
    const selected = excerpt.text.slice(excerpt.start, excerpt.end).trim() !== "";
    const values: Record<string, string> = {
      language: NAMES[excerpt.language] ?? excerpt.language.charAt(0).toUpperCase() + excerpt.language.slice(1),
      code: codeSection(excerpt, before, after),
      problem: problem ? `The editor says: ${problem}\n\n` : "",
    };
    return this.template(task === "complete" && selected ? "complete_selection" : task)
      .replace(/\{(language|code|problem)\}/g, (_, name: string) => values[name] ?? "")
      .trim();
  }

  private template(name: string): string {
    let template = this.templates.get(name);
    if (template === undefined) {
      template = fs.readFileSync(path.join(this.folder, `${name}.md`), "utf8");
      this.templates.set(name, template);
    }
    return template;
  }
}

/** Whole lines before and after the excerpt, two thirds of the room before; unused room changes sides. */
function surroundings(excerpt: Excerpt, characters: number): [string, string] {
  const before = excerpt.text.slice(0, excerpt.start);
  const after = excerpt.text.slice(excerpt.end);
  const keptAfter = firstLines(after, Math.max(Math.floor(characters / 3), characters - before.length));
  return [lastLines(before, characters - keptAfter.length), keptAfter];
}

/** The end of the text in whole lines. */
export function lastLines(text: string, characters: number): string {
  if (text.length <= characters) {
    return text;
  }
  const start = characters > 0 ? text.indexOf("\n", text.length - characters) : -1;
  return start >= 0 ? text.slice(start + 1) : "";
}

/** The beginning of the text in whole lines. */
export function firstLines(text: string, characters: number): string {
  if (text.length <= characters) {
    return text;
  }
  const end = characters > 0 ? text.lastIndexOf("\n", characters - 1) : -1;
  return end >= 0 ? text.slice(0, end) : "";
}

/** The pieces in fences that no line of them can close, each with its line numbers. */
function codeSection(excerpt: Excerpt, before: string, after: string): string {
  const selection = excerpt.text.slice(excerpt.start, excerpt.end);
  const longest = Math.max(2, ...(`${before}${selection}${after}`.match(/`{3,}/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(longest + 1);
  const word = excerpt.language === "plaintext" ? "" : excerpt.language;
  const name = excerpt.fileName || "the file";
  const selected = selection.trim() !== "";
  const place = selected ? "the selection" : "the cursor";
  const pieces: string[] = [];
  const add = (title: string, code: string): void => {
    pieces.push(`${title}\n${fence}${word}\n${code.replace(/^\n+|\n+$/g, "")}\n${fence}`);
  };
  if (before.trim()) {
    add(`In ${name}, before ${place}:`, before);
  }
  if (selected) {
    const first = lineOf(excerpt.text, excerpt.start);
    const last = lineOf(excerpt.text, Math.max(excerpt.start, excerpt.end - 1));
    add(`The selection, lines ${first} to ${last} of ${name}:`, selection);
  }
  if (after.trim()) {
    add(`In ${name}, after ${place}:`, after);
  }
  return pieces.join("\n\n");
}

function lineOf(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
