/** Text from a file as a terminal may show it: control characters and changes of direction stand escaped. */
import { GradusError } from "./errors.ts";

// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** @example printable("a\u001b[31m") // "a\\u001b[31m" */
export function printable(text: string): string {
  return text.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same error, its message and hint printable; anything but a GradusError as it is. */
export function printableError(error: unknown): unknown {
  if (!(error instanceof GradusError)) return error;
  const { message, hint, exitCode, cause } = error;
  if (printable(message + (hint ?? "")) === message + (hint ?? "")) return error;
  return new GradusError(printable(message), { ...(hint === undefined ? {} : { hint: printable(hint) }), exitCode, cause });
}
