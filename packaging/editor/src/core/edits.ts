/** Replace `removed` characters from `offset` on by `inserted`. */
export interface Edit {
  readonly offset: number;
  readonly removed: number;
  readonly inserted: string;
}

/** The smallest single edit that makes `wanted` of `present`, or undefined where they are the same. */
export function smallestEdit(present: string, wanted: string): Edit | undefined {
  if (present === wanted) {
    return undefined;
  }
  const shorter = Math.min(present.length, wanted.length);
  let start = 0;
  while (start < shorter && present[start] === wanted[start]) {
    start++;
  }
  let same = 0;
  while (same < shorter - start && present[present.length - 1 - same] === wanted[wanted.length - 1 - same]) {
    same++;
  }
  return {
    offset: start,
    removed: present.length - same - start,
    inserted: wanted.slice(start, wanted.length - same),
  };
}

/**
 * Where text stands in a document that somebody edits meanwhile.
 *
 * An edit before it moves it; one that reaches into it makes it `lost`: its text is no longer ours to change.
 */
export class TrackedText {
  lost = false;

  constructor(
    public offset: number,
    public length: number,
  ) {}

  /** Somebody's edit. */
  apply(edit: Edit): void {
    const end = edit.offset + edit.removed;
    if (end <= this.offset && !(edit.offset === this.offset && this.length === 0)) {
      this.offset += edit.inserted.length - edit.removed;
    } else if (edit.offset < this.offset + this.length || (end > this.offset && edit.removed > 0)) {
      this.lost = true;
    }
  }
}
