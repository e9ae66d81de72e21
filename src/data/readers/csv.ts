/** Delimited text: CSV and TSV in any encoding, with a header line. */
import { join } from "node:path";
import { GradusError } from "../../util/errors.ts";
import { escapeGlob, literal, type Database } from "../database.ts";
import { nameColumns, refuseComments, sniff } from "../delimited.ts";
import { plainText } from "../encoding.ts";
import type { FileFacts } from "../file.ts";
import { evenLineEnds } from "../line-ends.ts";
import type { Reader } from "../reader.ts";
import { delimiterOf, type SkippedRow } from "../reading.ts";
import { grouped } from "../table.ts";

/** Texts that mean "missing", as R, pandas and SQL write it. */
const MISSING = ["", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL"];
/** Of these more are not listed but counted. */
const MOST_SKIPPED = 100_000;
/** What DuckDB says of lines that end in two ways. */
const UNEVEN = /state machine/i;
const UNCLOSED = "a quoted field does not close";

export const csv: Reader = {
  name: "CSV",
  reads: () => true,
  async stage(file, { database, reading, scratch }) {
    const { path } = file;
    const text = await plainText(file, reading.encoding, scratch);
    const head = text.head.replace(/^\uFEFF/, "");
    const asked = reading.delimiter === undefined ? undefined : delimiterOf(reading.delimiter);
    refuseComments(path, head, asked);
    const { delimiter, fields } = sniff(file.name, head, asked);
    const named = nameColumns(path, fields);
    const missing = [...new Set([...MISSING, ...(reading.missing ?? [])])].filter((text) => !text.includes(delimiter));
    const options = [
      "auto_detect=false",
      "header=true",
      `delim=${literal(delimiter)}`,
      `quote='"'`,
      `escape='"'`,
      `columns={${fields.map((_, i) => `'c${i}': 'VARCHAR'`).join(", ")}}`,
      `nullstr=[${missing.map(literal).join(", ")}]`,
      "null_padding=false",
      "strict_mode=true",
    ].join(", ");
    const skip = reading.skipBadRows ? `, store_rejects=true, rejects_limit=0` : "";
    /** The file read, or a copy of it whose lines all end alike: where it lies, and what is to be said of it. */
    const read = async (from: string, evened: readonly string[]): Promise<{ from: string; evened: readonly string[] }> => {
      const table = `read_csv(${literal(escapeGlob(from))}, ${options}`;
      try {
        await database.query(`CREATE TABLE raw AS SELECT * FROM ${table}${skip})`);
        return { from, evened };
      } catch (cause) {
        if (evened.length > 0 || !UNEVEN.test(String(cause))) throw await malformed(path, table, fields.length, delimiter, database, cause);
      }
      const copy = join(scratch, `lines-${file.fingerprint.slice(0, 16)}.txt`);
      return read(copy, [await evenLineEnds(from, copy, delimiter)]);
    };
    const { from, evened } = await read(text.absolutePath, []);
    const skipped = reading.skipBadRows ? await rejected(database, file, fields.length) : [];
    const rows = Number((await database.query("SELECT count(*) AS n FROM raw"))[0]!["n"]);
    if (rows === 0)
      throw new GradusError(
        `${path} has a header line (${fields.length} columns) and no ${skipped.length > 0 ? "row that can be read" : "rows"}.`,
        {
          hint:
            skipped.length > 0
              ? `line ${skipped[0]!.line}: ${skipped[0]!.reason}`
              : "a row per example was expected below the header; check how the file was written.",
        },
      );
    const unclosed = skipped.find(({ reason }) => reason === UNCLOSED);
    if (unclosed) await refuseLost(database, file, from, fields, { rows, skipped, unclosed });
    const notes = [...text.notes, ...evened, ...named.notes];
    if (fields.length === 1 && reading.delimiter === undefined)
      notes.push("one column only: if something else than , ; | or tab separates the fields, --delimiter");
    // Without quoted line breaks and blank lines, the rows and the header make up all lines.
    const plain = file.lineEnds === rows + skipped.length + (file.endsWithLine ? 1 : 0);
    return { names: named.names, rows, lineOf: plain ? lineFinder(skipped) : () => undefined, delimiter, skipped, notes };
  },
};

/** Lines of rows from 0, below a header and between lines that were skipped (in order). */
function lineFinder(skipped: readonly SkippedRow[]): (row: number) => number {
  // The rows before the skipped line i stand above it: lines 2 … line − 1 without the i skipped before.
  const before = skipped.map(({ line }, i) => line - 2 - i);
  return (row) => {
    let [low, high] = [0, before.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before[middle]! <= row) low = middle + 1;
      else high = middle;
    }
    return row + 2 + low;
  };
}

/** @throws GradusError where a quote that does not close has taken further lines with it, which no list names */
async function refuseLost(
  database: Database,
  file: FileFacts,
  path: string,
  fields: readonly string[],
  { rows, skipped, unclosed }: { readonly rows: number; readonly skipped: readonly SkippedRow[]; readonly unclosed: SkippedRow },
): Promise<void> {
  const breaks = fields.flatMap((_, i) =>
    [10, 13].map((code) => `coalesce(sum(length(c${i}) - length(replace(c${i}, chr(${code}), ''))), 0)`),
  );
  const each = (code: 0 | 1): string => breaks.filter((_, i) => i % 2 === code).join(" + ");
  const [inside] = await database.query(`SELECT greatest(${each(0)}, ${each(1)}) AS n FROM raw`);
  const lines = `read_csv(${literal(escapeGlob(path))}, auto_detect=false, header=false, delim='\x01', quote='', escape='', columns={'text': 'VARCHAR'}, maximum_line_size=16777216)`;
  const [blank] = await database.query(`SELECT count(*) AS n FROM ${lines} WHERE text IS NULL OR text = ''`).catch(() => [{ n: 0 }]);
  const all = file.lineEnds + (file.endsWithLine ? 0 : 1);
  const header = 1 + fields.join("").split("\n").length - 1;
  const lost = all - header - rows - skipped.length - Number(inside!["n"]) - Number(blank!["n"]);
  if (lost > 0)
    throw new GradusError(
      `${unclosed.file}, line ${unclosed.line}: a field that opens with a double quote does not close, which takes ${grouped(lost)} further line${lost === 1 ? "" : "s"} with it.`,
      { hint: 'close it there, or write a double quote inside a field twice: ""; --skip-bad-rows leaves out single lines.' },
    );
}

/** The lines that were left out, in order, each once. */
async function rejected(database: Database, { path }: FileFacts, columns: number): Promise<SkippedRow[]> {
  const found = await database.query(
    `SELECT line, any_value(error_type)::VARCHAR AS kind, any_value(error_message) AS message FROM reject_errors GROUP BY line ORDER BY line LIMIT ${MOST_SKIPPED + 1}`,
  );
  await database.query("DROP TABLE reject_errors");
  await database.query("DROP TABLE reject_scans");
  if (found.length > MOST_SKIPPED)
    throw new GradusError(`${path}: more than ${grouped(MOST_SKIPPED)} lines cannot be read.`, {
      hint: `the first is line ${String(found[0]!["line"])}; check the delimiter (--delimiter) and the quotes.`,
    });
  return found.map(({ line, kind, message }) => ({
    file: path,
    line: Number(line),
    reason: reasonOf(String(kind), String(message), columns),
  }));
}

function reasonOf(kind: string, message: string, columns: number): string {
  const found = /Found: (\d+)/.exec(message)?.[1];
  if (found) return `${found} fields where ${columns} were expected`;
  if (/quote/i.test(kind)) return UNCLOSED;
  if (/unicode/i.test(kind)) return "not valid text";
  if (/line size/i.test(kind)) return "longer than 2 MB";
  return message.split("\n")[0]!;
}

/** The message for a file the parser refused: the first offending line, from a second pass that collects the rejects. */
async function malformed(
  path: string,
  from: string,
  columns: number,
  delimiter: string,
  database: Database,
  cause: unknown,
): Promise<GradusError> {
  const message = cause instanceof Error ? cause.message : String(cause);
  const rejects = await database
    .query(`CREATE TABLE accepted AS SELECT * FROM ${from}, store_rejects=true, rejects_limit=0)`)
    .then(() => database.query("SELECT line, error_type AS kind, error_message AS message FROM reject_errors ORDER BY line"))
    .catch(() => []);
  const first = rejects[0];
  const line = first ? Number(first["line"]) : Number(/Line: (\d+)/.exec(message)?.[1] ?? NaN);
  const where = Number.isNaN(line) ? path : `${path}, line ${line}`;
  const text = `${first?.["kind"] ?? ""} ${first?.["message"] ?? ""} ${message}`;
  const separator = delimiter === "\t" ? "tab" : `"${delimiter}"`;
  const found = /Found: (\d+)/.exec(text)?.[1];
  const lines = new Set(rejects.map((r) => Number(r["line"]))).size;
  const skip = rejects.length > 0 ? "; or leave such lines out, listed: --skip-bad-rows" : "";
  if (found) {
    return new GradusError(
      `${where}: ${columns} fields were expected (the header has ${columns}, separated by ${separator}), found ${found}${lines > 1 ? `; ${grouped(lines)} lines are like this` : ""}.`,
      { hint: `mend the line; a field that contains ${separator} must stand in double quotes${skip}.`, cause },
    );
  }
  if (/unterminated quote|UNQUOTED VALUE/i.test(text))
    return new GradusError(`${where}: a field that opens with a double quote does not close properly.`, {
      hint: `inside a quoted field, write a double quote twice: ""${skip}.`,
      cause,
    });
  if (/unicode|utf-8/i.test(text))
    return new GradusError(`${where}: not valid UTF-8 text.`, { hint: `name its encoding, e.g. --encoding windows-1252${skip}`, cause });
  if (/maximum line size/i.test(text))
    return new GradusError(`${where}: the line is longer than the 2 MB a row may have.`, {
      hint: "look for a quote that never closes.",
      cause,
    });
  if (UNEVEN.test(message))
    return new GradusError(`${path}: the lines do not all end alike (\\n, \\r\\n or \\r).`, {
      hint: `make them one kind, e.g. dos2unix ${path}`,
      cause,
    });
  return new GradusError(`${where}: not well-formed delimited text: ${message.split("\n")[0]}`, {
    hint: "check the quotes and the separators around there.",
    cause,
  });
}
