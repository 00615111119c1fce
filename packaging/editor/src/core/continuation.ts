import { leadingSpace } from "./codeBlock";
import { firstLines, lastLines } from "./prompts";

export const INLINE_STOP: readonly string[] = ["\n\n\n", "```"];

const MAX_LINES = 12;
const MOST_AFTER = 10_000;

/**
 * What an inline completion asks to go on with: the file up to the cursor, in whole lines.
 *
 * Plain text instead of a question: there is no thinking, and the next key's prompt begins with this one, so that only
 * the new characters are evaluated. Undefined where there is nothing to go on from, or where the cursor stands before text
 * and the model does not fill in the middle.
 */
export function inlinePrompt(
  before: string,
  after: string,
  contextCharacters: number,
  fillsInTheMiddle = false,
): string | undefined {
  const restOfLine = after.split("\n", 1)[0] ?? "";
  // Closing brackets and quotes, which editors put in by themselves, may follow.
  if ((!fillsInTheMiddle && !/^[\s)\]}>"'`;,:]*$/.test(restOfLine)) || before.trim() === "") {
    return undefined;
  }
  // In steps of a quarter, so that the beginning of the prompt stays the same for many keys.
  const step = Math.max(1, Math.floor(contextCharacters / 4));
  const beyond = before.length - contextCharacters;
  return beyond <= 0 ? before : lastLines(before, contextCharacters - (step - (beyond % step)));
}

/** What an inline completion has to lead up to: short, as it is evaluated anew with every key. */
export function inlineSuffix(after: string, contextCharacters: number): string {
  const lines = firstLines(after, Math.floor(contextCharacters / 4));
  return lines.trim() ? lines : "";
}

/**
 * The part of a growing continuation that is worth showing, and whether more of it could be.
 *
 * In the middle of a line it ends with the line. On a new line it ends where the block does: before a line that is less
 * indented, before text that stands after the cursor already, or after some lines.
 */
export function worthShowing(
  continuation: string,
  before: string,
  after: string,
  over: boolean,
): { text: string; done: boolean } {
  // It is called for each piece, and a file may be of megabytes.
  after = after.slice(0, MOST_AFTER);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  if (line.trim() !== "") {
    const rest = continuation.split("\n", 1)[0] ?? "";
    const following = after.split("\n", 1)[0] ?? "";
    const text = untilClosed(rest, following.trim().charAt(0));
    // Before a word the space belongs to the text.
    return { text: /^\w/.test(following) ? text : text.trimEnd(), done: over || text.length < continuation.length };
  }
  const next = after.split("\n").find((following) => following.trim() !== "") ?? "";
  const lines = continuation.split("\n");
  const kept: string[] = [];
  let done = over;
  for (const [index, text] of lines.entries()) {
    const whole = index < lines.length - 1 || over;
    const shallower =
      index > 0 && text.trim() !== "" && leadingSpace(text).length < line.length && !/^\s*[)\]}]/.test(text);
    const repeated = whole && next !== "" && (index === 0 ? line + text : text).trimEnd() === next.trimEnd();
    if (shallower || repeated || kept.length === MAX_LINES) {
      done = true;
      break;
    }
    kept.push(text);
  }
  return { text: kept.join("\n").trimEnd(), done };
}

/** `text` up to the bracket or quotation mark that closes what is open at the cursor, where that stands there already. */
function untilClosed(text: string, closing: string): string {
  let depth = 0;
  for (const [index, character] of [...text].entries()) {
    if (closing && character === closing && depth === 0) {
      return [...text].slice(0, index).join("");
    }
    depth += "([{".includes(character) ? 1 : ")]}".includes(character) ? -1 : 0;
  }
  return text;
}
