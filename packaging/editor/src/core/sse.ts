import { tooLong } from "./http";

const MOST_EVENT_CHARACTERS = 1 << 20;

/**
 * The data of each server-sent event, as its bytes arrive, however they are cut. Each byte is looked at once.
 *
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation; only `data` is used.
 * Throws `StillroomError` for an event that is longer than Stillroom's are.
 */
export async function* eventData(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  let line = "";
  let data: string[] = [];
  let length = 0;
  let afterReturn = false;
  for await (const chunk of chunks) {
    let piece = decoder.decode(chunk, { stream: true });
    if (piece === "") {
      continue;
    }
    // The second half of a line's end, whose first half ended the piece before.
    piece = afterReturn && piece.startsWith("\n") ? piece.slice(1) : piece;
    afterReturn = piece.endsWith("\r");
    const lines = piece.split(/\r\n|\r|\n/);
    lines[0] = line + (lines[0] ?? "");
    line = lines.pop() ?? "";
    for (const whole of lines) {
      if (whole === "") {
        if (data.length > 0) {
          yield data.join("\n");
        }
        data = [];
        length = 0;
      } else if (whole.startsWith("data:")) {
        data.push(whole.slice(5).replace(/^ /, ""));
        length += whole.length;
      }
    }
    if (line.length + length > MOST_EVENT_CHARACTERS) {
      throw tooLong();
    }
  }
}
