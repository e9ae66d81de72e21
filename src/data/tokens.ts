/** Texts as sequences of tokens: characters or words. */
import { GradusError } from "../util/errors.ts";
import { grouped, type SequenceColumn } from "./table.ts";

/** What a text is cut into. */
export const TEXT_UNITS = ["characters", "words"] as const;
export type TextUnit = (typeof TEXT_UNITS)[number];

/** A word (with apostrophes and hyphens inside it), or one mark that is neither letter, digit nor space. */
const WORD = /[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]/gu;

/**
 * The tokens of a text, in Unicode's composed form (NFC): its characters (code points) as they are, or its words and punctuation marks,
 * in lower case.
 * @example tokenise("It’s 5 o'clock!", "words") // ["it’s", "5", "o'clock", "!"]
 */
export function tokenise(text: string, unit: TextUnit): string[] {
  const composed = text.normalize("NFC");
  return unit === "characters" ? [...composed] : (composed.toLowerCase().match(WORD) ?? []);
}

/** Numbers that a column of sequences may hold: 1 GiB of float64. */
export const MOST_NUMBERS = 2 ** 27;

/**
 * A column of token sequences; its vocabulary in order of code points.
 * @param sequences of each row; none where it is missing
 * @throws GradusError where there are more tokens than memory should hold
 */
export function tokenColumn(name: string, sequences: Iterable<readonly string[]>): SequenceColumn {
  const numbers = new Map<string, number>();
  const found: number[] = [];
  const offsets: number[] = [0];
  for (const sequence of sequences) {
    for (const token of sequence) {
      let number = numbers.get(token);
      if (number === undefined) numbers.set(token, (number = numbers.size));
      found.push(number);
    }
    if (found.length > MOST_NUMBERS)
      throw new GradusError(
        `column "${name}" has more than ${grouped(MOST_NUMBERS)} tokens up to row ${offsets.length}; that many fit in memory.`,
        { hint: "read it in words, or read fewer rows." },
      );
    offsets.push(found.length);
  }
  const tokens = [...numbers.keys()].sort();
  const sorted = new Float64Array(tokens.length);
  tokens.forEach((token, place) => (sorted[numbers.get(token)!] = place));
  const values = Float64Array.from(found, (number) => sorted[number]!);
  return { name, kind: "sequence", sqlType: "VARCHAR[]", width: 1, offsets: Float64Array.from(offsets), values, tokens };
}
