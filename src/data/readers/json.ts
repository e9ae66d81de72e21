/** JSON: an array of objects, or an object a line (NDJSON). Numbers, texts, true and false keep their types. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { GradusError } from "../../util/errors.ts";
import { escapeGlob, literal, type Database } from "../database.ts";
import { plainText } from "../encoding.ts";
import type { FileFacts } from "../file.ts";
import type { Reader } from "../reader.ts";
import type { SkippedRow } from "../reading.ts";
import { describe, stageRelation } from "../typed-source.ts";

const named = ({ name }: FileFacts): boolean => /\.(json|ndjson|jsonl)$/i.test(name);
/** An array of objects, or an object with a key. */
const looksLike = ({ head }: FileFacts): boolean => /^\uFEFF?\s*(\[\s*[{\]]|\{\s*["}])/.test(head.subarray(0, 4096).toString("utf8"));

export const json: Reader = {
  name: "JSON",
  reads: (file) => named(file) || looksLike(file),
  async stage(file, { database, reading, scratch }) {
    const { path } = file;
    const text = await plainText(file, reading.encoding, scratch);
    const start = text.head.replace(/^\uFEFF/, "").trimStart()[0];
    if (start !== "[" && start !== "{")
      throw new GradusError(
        `${path}, line 1: JSON should begin with [ (an array of objects) or { (an object a line), found "${start ?? ""}".`,
        {
          hint: "give the file the suffix of what it is, or check how it was written.",
        },
      );
    const lines = start === "{";
    const notes = [
      ...text.notes,
      ...(named(file) || !/\.\w+$/.test(file.name) ? [] : [`read as ${lines ? "JSON lines" : "JSON"}, whatever its name says`]),
    ];
    let from = text.absolutePath;
    let skipped: SkippedRow[] = [];
    if (lines && reading.skipBadRows) ({ from, skipped } = await withoutBadLines(database, path, from, scratch));
    const options = `format='${lines ? "newline_delimited" : "array"}', sample_size=-1, maximum_depth=2`;
    const source = `read_json(${literal(escapeGlob(from))}, ${options}`;
    try {
      const found = await describe(database, `${source})`);
      if (found.length === 1 && found[0]!.name === "json")
        throw new GradusError(`${path}: an array of objects was expected, one per row, found other values.`, {
          hint: 'write each row as an object: {"column": value, …}',
        });
      // A text that looks like a date is a text until all its column is looked at.
      const columns = found.map(({ name, type }) => `${literal(name)}: ${literal(/^(DATE|TIME|UUID)/.test(type) ? "VARCHAR" : type)}`);
      const staged = await stageRelation(database, path, `${source.replace("sample_size=-1", `columns={${columns.join(", ")}}`)})`, {
        missing: reading.missing,
      });
      const lineOf = lines && file.lineEnds === staged.rows - (file.endsWithLine ? 0 : 1) ? (row: number) => row + 1 : () => undefined;
      return { ...staged, lineOf, skipped, notes: [...notes, ...staged.notes] };
    } catch (cause) {
      if (cause instanceof GradusError) throw cause;
      throw malformed(path, lines, cause, lines ? await firstBadLine(database, from) : undefined);
    }
  },
};

const wholeLines = (from: string): string =>
  `read_csv(${literal(escapeGlob(from))}, auto_detect=false, header=false, delim='\x01', quote='', escape='', columns={'text': 'VARCHAR'}, maximum_line_size=16777216)`;

/** The first line that is no JSON; the parser names the one after it. */
async function firstBadLine(database: Database, from: string): Promise<string | undefined> {
  const numbered = `SELECT text, row_number() OVER () AS line FROM ${wholeLines(from)}`;
  const found = await database
    .query(`SELECT min(line) AS line FROM (${numbered}) WHERE text IS NOT NULL AND NOT json_valid(text)`)
    .catch(() => []);
  const line = found[0]?.["line"];
  return line === null || line === undefined ? undefined : String(line);
}

/** A copy without the lines that are no JSON. */
async function withoutBadLines(
  database: Database,
  path: string,
  from: string,
  scratch: string,
): Promise<{ from: string; skipped: SkippedRow[] }> {
  await database.query(`CREATE TABLE lines AS SELECT text, row_number() OVER () AS line FROM ${wholeLines(from)}`);
  const bad = await database.query(
    "SELECT line FROM lines WHERE text IS NOT NULL AND (NOT json_valid(text) OR json_type(text) <> 'OBJECT') ORDER BY line",
  );
  const copy = join(scratch, "good-lines.ndjson");
  if (bad.length > 0) {
    const good = await database.query(
      "SELECT text FROM lines WHERE text IS NOT NULL AND json_valid(text) AND json_type(text) = 'OBJECT' ORDER BY line",
    );
    writeFileSync(copy, good.map(({ text }) => `${String(text)}\n`).join(""));
  }
  await database.query("DROP TABLE lines");
  const skipped = bad.map(({ line }) => ({ file: path, line: Number(line), reason: "no JSON object" }));
  return { from: bad.length > 0 ? copy : from, skipped };
}

function malformed(path: string, lines: boolean, cause: unknown, bad: string | undefined): GradusError {
  const message = (cause as Error).message.split("\n")[0]!;
  const line = bad ?? /in line (\d+)/.exec(message)?.[1];
  const record = /in record\/value (\d+)/.exec(message)?.[1];
  const what = /: ([^:]+?)\.?\s*$/.exec(message)?.[1] ?? message;
  const where = line ? `${path}, line ${line}` : record ? `${path}, object ${record}` : path;
  const twice = /duplicate (?:key|name)s? "?([^"]+?)"?(?: |$|,)/i.exec(message)?.[1];
  if (twice !== undefined)
    return new GradusError(`${where}: an object has the key "${twice}" twice; a key is a column, once in an object.`, {
      hint: "rename one of them, or leave it out.",
      cause,
    });
  if (/maximum_object_size/i.test(message))
    return new GradusError(`${where}: an object is longer than the 16 MiB a row may have.`, {
      hint: "look for a bracket that never closes.",
      cause,
    });
  return new GradusError(`${where}: not well-formed JSON: ${what.replace(/^([A-Z]\w* )+Error: /, "")}.`, {
    hint: lines ? "mend the line, or leave such lines out, listed: --skip-bad-rows" : "mend it there, or check that the file is whole.",
    cause,
  });
}
