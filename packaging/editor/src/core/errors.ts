import { shown } from "./shownText";

export type Values = Record<string, string | number>;

/** What happened, and what to do next, as English templates with `{names}`; the editor translates them. */
export class StillroomError extends Error {
  readonly values: Values;

  /** What of the `values` is text is made fit to be shown. */
  constructor(
    readonly template: string,
    readonly hint: string = "",
    values: Values = {},
  ) {
    const clean = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [name, typeof value === "string" ? shown(value) : value]),
    );
    super(fill(template, clean));
    this.values = clean;
  }

  /** The hint with its values. */
  hintText(): string {
    return fill(this.hint, this.values);
  }
}

/** There is no server to ask. */
export class NotRunningError extends StillroomError {}

/** Somebody stopped the request; nothing is said about it. */
export class CancelledError extends Error {}

/** The template with its `{names}` replaced; a name without a value stays. */
export function fill(template: string, values: Values): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
