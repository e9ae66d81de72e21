/** Errors: what a person can mend is a `GradusError`; anything else is a defect of ours. */
import { printable } from "./printable.ts";

/** One clear message: expected, found, where; `hint` says what to do. Both printable, whatever they quote. Shown without a stack trace. */
export class GradusError extends Error {
  override readonly name = "GradusError";
  /** What to do about it, one line. */
  readonly hint: string | undefined;
  /** Process exit status: 2 bad usage or input, 1 the work itself failed. */
  readonly exitCode: 1 | 2;

  constructor(message: string, options: { hint?: string; exitCode?: 1 | 2; cause?: unknown } = {}) {
    super(printable(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.hint = options.hint === undefined ? undefined : printable(options.hint);
    this.exitCode = options.exitCode ?? 2;
  }
}

/** A broken invariant: never the user's fault. */
export function internal(message: string): never {
  throw new Error(`internal: ${message}`);
}
