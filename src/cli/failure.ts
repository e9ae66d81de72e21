/** Errors as a person, or a program, reads them. */
import { printable } from "../util/printable.ts";
import { paint } from "./render/paint.ts";

interface Failure {
  readonly message: string;
  readonly hint?: string | undefined;
  readonly stack?: string;
  readonly cause?: unknown;
  readonly name?: string;
}

/** `error: …` and below it what to do. A defect of ours says so; stacks only under `--debug`. */
export function failureLines(error: unknown, { debug, color }: { debug: boolean; color: boolean }): string[] {
  const p = paint(color);
  const failure = asFailure(error);
  const known = failure.name === "GradusError";
  const message = failure.message.split("\n").map(printable).join("\n");
  const lines = [`${p.red("error:")} ${known ? message : `${message} (a defect in Gradus, not in your input)`}`];
  if (failure.hint) lines.push(`  ${printable(failure.hint)}`);
  if (!known && !debug) lines.push("  run it again with --debug for the stack trace, and please report it");
  if (debug)
    for (let at: Failure | undefined = failure; at; at = at.cause === undefined ? undefined : asFailure(at.cause))
      lines.push(...(at.stack ?? at.message).split("\n").map(printable));
  return lines;
}

/** The last line of `--json` where a command failed. */
export function jsonFailure(error: unknown, exit: number) {
  const { message, hint } = asFailure(error);
  return { type: "result", error: { message, ...(hint ? { hint } : {}), exit } } as const;
}

function asFailure(error: unknown): Failure {
  return error instanceof Error ? (error as Failure) : { message: String(error) };
}
