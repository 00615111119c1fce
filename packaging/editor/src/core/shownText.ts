/** Characters of one value in a sentence. */
const MOST = 400;

// Control, format (direction, zero width), surrogate, private and unassigned characters.
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]/gu;

/**
 * The text as one line that an editor may show: what a server, a model or a file says.
 *
 * The editor makes links of `[words](command:…)` in its messages, and a click on one runs the command: there are none.
 */
export function shown(text: string, most = MOST): string {
  // Cut first: it may be of megabytes.
  const line = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return line
    .replace(/\s/g, " ")
    .replace(HIDDEN, "·")
    .replaceAll("](", "] (");
}
