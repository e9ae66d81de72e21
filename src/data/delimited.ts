/** Delimited text before it is parsed as a whole: what separates its fields, and what its columns are called. */
import { GradusError } from "../util/errors.ts";

/** How the lines of a text divide. */
export interface Dialect {
  readonly delimiter: string;
  /** The fields of the header line. */
  readonly fields: readonly string[];
}

const RECORDS = 50;

/**
 * The dialect of a text from its first records: the delimiter under which most of them have as many fields as the header.
 * @param delimiter as asked for
 * @throws GradusError where there is nothing but white space
 */
export function sniff(path: string, text: string, delimiter?: string): Dialect {
  if (text.trim() === "")
    throw new GradusError(`${path} holds only white space; a header line and rows were expected.`, { hint: "check how it was written." });
  const usual = /\.(tsv|tab)$/i.test(path) ? ["\t", ",", ";", "|"] : [",", "\t", ";", "|"];
  const candidates = delimiter === undefined ? usual : [delimiter];
  const records = firstRecords(text, RECORDS);
  const splits = candidates.map((candidate) => {
    const [fields = [], ...rows] = records.map((record) => splitRecord(record, candidate));
    const agree = rows.filter((row) => row.length === fields.length).length;
    return { delimiter: candidate, fields, agree: fields.length > 1 ? (agree + 1) / (rows.length + 1) : 0 };
  });
  return splits.reduce((best, split) =>
    split.agree > best.agree || (split.agree === best.agree && split.fields.length > best.fields.length) ? split : best,
  );
}

/**
 * Lines before the header that begin with # are comments, unless the last of them names as many columns as the rows have.
 * @throws GradusError where there are such lines
 */
export function refuseComments(path: string, text: string, delimiter?: string): void {
  const lines = text.split(/\r\n|\n|\r/, RECORDS);
  const first = lines.findIndex((line) => line.trim() !== "" && !line.startsWith("#"));
  if (first < 1 || !lines[0]!.startsWith("#")) return;
  const rest = sniff(path, lines.slice(first).join("\n"), delimiter);
  const last = lines.slice(0, first).findLast((line) => line.startsWith("#"))!;
  if (splitRecord(last, rest.delimiter).length === rest.fields.length) return;
  const where = first === 1 ? "line 1 begins" : `lines 1 to ${first} begin`;
  throw new GradusError(`${path}: ${where} with #, as comments do; a header line was expected, as line ${first + 1} seems to be.`, {
    hint: `take such lines out, e.g. on the way in, where - is standard input: grep -v "^#" FILE | gradus … -`,
  });
}

/** The first records of a text, the last one only where its end is in sight; blank ones left out. */
function firstRecords(text: string, most: number): string[] {
  const records: string[] = [];
  let quoted = false;
  let from = 0;
  for (let i = 0; i < text.length && records.length < most; i++) {
    const character = text[i];
    if (character === '"') quoted = !quoted;
    else if (!quoted && (character === "\n" || character === "\r")) {
      if (i > from) records.push(text.slice(from, i));
      from = i + 1;
    }
  }
  if (records.length < most && from < text.length && (records.length === 0 || !quoted)) records.push(text.slice(from));
  return records;
}

function splitRecord(record: string, delimiter: string): string[] {
  const fields = [""];
  let quoted = false;
  for (let i = 0; i < record.length; i++) {
    const character = record[i]!;
    if (character === '"') {
      if (quoted && record[i + 1] === '"') fields[fields.length - 1] += record[++i]!;
      else quoted = !quoted;
    } else if (character === delimiter && !quoted) fields.push("");
    else fields[fields.length - 1] += character;
  }
  return fields;
}

/**
 * The names of columns: blanks around them go, columns without one are numbered.
 * @throws GradusError where two are alike
 */
export function nameColumns(path: string, fields: readonly string[]): { names: string[]; notes: string[] } {
  const notes: string[] = [];
  const names = fields.map((field, i) => {
    if (field.trim() !== "") return field.trim();
    let name = `column${i + 1}`;
    while (fields.includes(name)) name += "_";
    notes.push(`column ${i + 1} has no name in the header; called "${name}"`);
    return name;
  });
  const first = new Map<string, number>();
  names.forEach((name, i) => {
    const before = first.get(name);
    if (before !== undefined)
      throw new GradusError(`${path}, line 1: two columns are named "${name}" (columns ${before + 1} and ${i + 1}).`, {
        hint: "rename one of them in the header line.",
      });
    first.set(name, i);
  });
  // Names of numbers are common where they count (pixels); a fraction or a sign speaks of a row.
  const values = names.filter((name) => /^[+-]?\d*\.\d+$|^-\d/.test(name));
  if (2 * values.length >= names.length)
    notes.push(
      `line 1 is taken for the header, but reads like a row ("${values.slice(0, 3).join('", "')}"): if it is one, put a line of names above it`,
    );
  return { names, notes };
}
