/** Tokens per second of one reply, from the first token on. */
export class TokenRate {
  private first: number | undefined;
  private last = 0;
  private pieces = 0;

  /** A piece came at `nowMs`; while a reply grows, a piece counts as a token. */
  add(nowMs: number): void {
    this.first ??= nowMs;
    this.last = nowMs;
    this.pieces++;
  }

  /** Until now, or of the whole reply with the server's own count; 0 before the second token. */
  perSecond(tokens: number = this.pieces): number {
    const elapsedMs = this.last - (this.first ?? this.last);
    // The first token came at the beginning of the interval, so it is not of it.
    return elapsedMs > 0 && tokens > 1 ? ((tokens - 1) * 1000) / elapsedMs : 0;
  }
}
