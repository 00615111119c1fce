export type Channel = "thinking" | "answer";

/** A stretch of a reply. */
export interface Piece {
  readonly channel: Channel;
  readonly text: string;
}

const OPEN = "<think>";
const CLOSE = "</think>";

/**
 * Parts a reply's text into thinking and answer, for servers that leave the tags in it.
 *
 * Only a block that opens the reply is thinking; a tag in the middle of an answer is the answer's. The blank lines
 * around the block belong to neither.
 */
export class ThinkSplitter {
  private state: "start" | "thinking" | "gap" | "answer" = "start";
  private held = "";

  /** The next text of the reply, parted; what may still become a tag is kept back. */
  add(text: string): Piece[] {
    const pieces: Piece[] = [];
    this.held += text;
    if (this.state === "start") {
      const bare = this.held.trimStart();
      if (bare.startsWith(OPEN)) {
        this.state = "thinking";
        this.held = bare.slice(OPEN.length);
      } else if (!OPEN.startsWith(bare)) {
        this.state = "answer";
      } else {
        return pieces;
      }
    }
    if (this.state === "thinking") {
      const end = this.held.indexOf(CLOSE);
      if (end < 0) {
        const kept = beginningOf(CLOSE, this.held);
        push(pieces, "thinking", this.held.slice(0, this.held.length - kept));
        this.held = this.held.slice(this.held.length - kept);
        return pieces;
      }
      push(pieces, "thinking", this.held.slice(0, end));
      this.held = this.held.slice(end + CLOSE.length);
      this.state = "gap";
    }
    if (this.state === "gap") {
      this.held = this.held.trimStart();
      if (this.held === "") {
        return pieces;
      }
      this.state = "answer";
    }
    push(pieces, "answer", this.held);
    this.held = "";
    return pieces;
  }

  /** What was kept back, once the reply is over. */
  end(): Piece[] {
    const pieces: Piece[] = [];
    push(pieces, this.state === "thinking" ? "thinking" : "answer", this.held);
    this.held = "";
    return pieces;
  }
}

/** How many characters at the end of `text` are a beginning of `tag`. */
function beginningOf(tag: string, text: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length--) {
    if (tag.startsWith(text.slice(text.length - length))) {
      return length;
    }
  }
  return 0;
}

function push(pieces: Piece[], channel: Channel, text: string): void {
  if (text) {
    pieces.push({ channel, text });
  }
}
