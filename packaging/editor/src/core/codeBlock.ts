/** The first fenced block of a reply and the words around it. */
export interface CodeBlock {
  readonly code: string;
  /** The block has its end. */
  readonly closed: boolean;
  /** What is said before and after it. */
  readonly words: string;
}

/**
 * The first fenced block of an answer that may still be growing, or undefined while there is none.
 *
 * Fences as in CommonMark 0.31.2, section 4.5 (https://spec.commonmark.org/0.31.2/#fenced-code-blocks): a longer fence
 * may hold shorter ones. While the answer grows, a last line that may become the closing fence is left out.
 */
export function firstCodeBlock(answer: string, over: boolean): CodeBlock | undefined {
  const lines = answer.split("\n");
  const openingAt = lines.findIndex((line) => /^ {0,3}(`{3,}[^`]*|~{3,}.*)$/.test(line));
  // The opening line may still get longer.
  if (openingAt < 0 || (openingAt === lines.length - 1 && !over)) {
    return undefined;
  }
  const opening = lines[openingAt] ?? "";
  const indent = opening.length - opening.trimStart().length;
  const fence = /^(`+|~+)/.exec(opening.trimStart())?.[1] ?? "```";
  const closing = new RegExp(`^ {0,3}${fence.charAt(0)}{${fence.length},}[ \\t]*$`);
  const after = lines.slice(openingAt + 1);
  const closingAt = after.findIndex((line, index) => closing.test(line) && (over || index < after.length - 1));
  const closed = closingAt >= 0;
  const inside = closed ? after.slice(0, closingAt) : after;
  const last = inside[inside.length - 1];
  if (!closed && !over && last !== undefined && /^ {0,3}(`*|~*)$/.test(last)) {
    inside.pop();
  }
  const dropIndent = new RegExp(`^ {0,${indent}}`);
  const words = [...lines.slice(0, openingAt), "", ...(closed ? after.slice(closingAt + 1) : [])];
  return {
    code: inside.map((line) => line.replace(dropIndent, "")).join("\n"),
    closed,
    words: words.join("\n").trim(),
  };
}

/** `code` moved as a whole to the depth of the first line of `sample` that is not blank. */
export function indentLike(code: string, sample: string): string {
  const first = sample.split("\n").find((line) => line.trim() !== "") ?? "";
  const target = leadingSpace(first);
  const lines = code.split("\n");
  const common = commonSpace(lines.filter((line) => line.trim() !== ""));
  return lines.map((line) => (line.trim() === "" ? "" : target + line.slice(common.length))).join("\n");
}

/** The blanks and tabs that a line starts with. */
export function leadingSpace(line: string): string {
  return line.slice(0, line.length - line.trimStart().length);
}

function commonSpace(lines: readonly string[]): string {
  let common = lines.length > 0 ? leadingSpace(lines[0] ?? "") : "";
  for (const line of lines) {
    while (!line.startsWith(common)) {
      common = common.slice(0, -1);
    }
  }
  return common;
}
