/** How the text of a file is to be understood, where a person says so; everything left out is found from the file and said. */
import { GradusError } from "../util/errors.ts";

/** What a person may say of a column: what its values are, or that it is none of the features. */
export const TYPE_NAMES = ["number", "category", "date", "date:dmy", "date:mdy", "text", "drop"] as const;
export type TypeName = (typeof TYPE_NAMES)[number];

/** Of files of text alone, but for `types`, `missing` (texts of any file) and `query`. */
export interface Reading {
  /** What separates the fields of a line: one character, or `tab`, `space`. */
  readonly delimiter?: string | undefined;
  /** As the WHATWG names encodings: `windows-1252`, `shift_jis`. */
  readonly encoding?: string | undefined;
  readonly decimal?: "." | "," | undefined;
  /** What stands between groups of three digits: never guessed. */
  readonly thousands?: string | undefined;
  /** Texts that mean "missing", besides the usual ones. */
  readonly missing?: readonly string[] | undefined;
  /** By column; `text` and `drop` are no features. */
  readonly types?: Readonly<Record<string, TypeName>> | undefined;
  /** Leaves out lines that cannot be read, and lists them. */
  readonly skipBadRows?: boolean | undefined;
  /** An SQL query over the table `data`, its columns named and typed as in the file; its result is what is read. */
  readonly query?: string | undefined;
}

/** A line, or a file of an image, that was left out because it cannot be read. */
export interface SkippedRow {
  readonly file: string;
  /** From 1; 0 where it is the whole file. */
  readonly line: number;
  readonly reason: string;
}

/** The delimiter as one character. @throws GradusError on anything else */
export function delimiterOf(text: string): string {
  const named = { tab: "\t", "\\t": "\t", space: " ", comma: ",", semicolon: ";", pipe: "|" }[text] ?? text;
  if (named.length !== 1 || /["\r\n\d\w]/.test(named))
    throw new GradusError(`--delimiter should be one character that is no letter, digit or quote, or tab, space; found "${text}".`);
  return named;
}

/**
 * `price=number,zip=category` as types by column.
 * @throws GradusError where an entry names no type
 */
export function readTypes(entries: readonly string[]): Record<string, TypeName> {
  return Object.fromEntries(
    entries.map((entry) => {
      const at = entry.lastIndexOf("=");
      const [name, type] = at < 0 ? [entry, ""] : [entry.slice(0, at), entry.slice(at + 1)];
      if (!(TYPE_NAMES as readonly string[]).includes(type) || name === "")
        throw new GradusError(`--type should be a column and what it is, e.g. zip=category; found "${entry}".`, {
          hint: `types: ${TYPE_NAMES.join(", ")}`,
        });
      return [name, type as TypeName];
    }),
  );
}
