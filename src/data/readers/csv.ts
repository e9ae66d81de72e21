/** Delimited text: CSV and TSV, UTF-8 or UTF-16, with a header line. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GradusError } from "../../util/errors.ts";
import { literal, type Database } from "../database.ts";
import { textEncoding, type FileFacts } from "../file.ts";
import type { Reader, Staged } from "../reader.ts";
import { grouped } from "../table.ts";

/** Texts that mean "missing", as R, pandas and SQL write it. */
const MISSING = ["", "NA", "N/A", "#N/A", "NaN", "nan", "null", "NULL"];

export const csv: Reader = {
  name: "CSV",
  reads: () => true,
  async stage(file, database) {
    const encoding = textEncoding(file);
    if (encoding === "utf-8") return stageText(file, file.absolutePath, file.head.toString("utf8"), database, []);
    const text = new TextDecoder(encoding).decode(await readFile(file.absolutePath));
    const folder = await mkdtemp(join(tmpdir(), "gradus-"));
    try {
      const copy = join(folder, "utf-8.csv");
      await writeFile(copy, text);
      return await stageText(file, copy, text, database, [`read as ${encoding.toUpperCase()}`]);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function stageText(file: FileFacts, textPath: string, head: string, database: Database, notes: readonly string[]): Promise<Staged> {
  const { delimiter, fields } = readHeader(file.path, head.replace(/^\uFEFF/, ""));
  const named = nameColumns(file.path, fields);
  const options = [
    "auto_detect=false",
    "header=true",
    `delim=${literal(delimiter)}`,
    `quote='"'`,
    `escape='"'`,
    `columns={${fields.map((_, i) => `'c${i}': 'VARCHAR'`).join(", ")}}`,
    `nullstr=[${MISSING.map(literal).join(", ")}]`,
    "null_padding=false",
    "strict_mode=true",
  ].join(", ");
  const from = `read_csv(${literal(escapeGlob(textPath))}, ${options}`;
  try {
    await database.query(`CREATE TABLE raw AS SELECT * FROM ${from})`);
  } catch (cause) {
    throw await malformed(file.path, from, fields.length, delimiter, database, cause);
  }
  const rows = Number((await database.query("SELECT count(*) AS n FROM raw"))[0]!["n"]);
  if (rows === 0)
    throw new GradusError(`${file.path} has a header line (${fields.length} columns) and no rows.`, {
      hint: "a row per example was expected below the header; check how the file was written.",
    });
  // Without quoted line breaks and blank lines, the rows and the header make up all lines.
  const plain = file.lineEnds === rows + (file.endsWithLine ? 1 : 0);
  return { names: named.names, rows, lineOf: (row) => (plain ? row + 2 : undefined), notes: [...notes, ...named.notes] };
}

/** The first record of a text and the delimiter that splits it most. */
function readHeader(path: string, text: string): { delimiter: string; fields: string[] } {
  if (text.trim() === "")
    throw new GradusError(`${path} holds only white space; a header line and rows were expected.`, { hint: "check how it was written." });
  const record = firstRecord(text);
  const candidates = /\.(tsv|tab)$/i.test(path) ? ["\t", ",", ";", "|"] : [",", "\t", ";", "|"];
  const splits = candidates.map((delimiter) => ({ delimiter, fields: splitRecord(record, delimiter) }));
  return splits.reduce((best, split) => (split.fields.length > best.fields.length ? split : best));
}

function firstRecord(text: string): string {
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') quoted = !quoted;
    else if (!quoted && (character === "\n" || character === "\r")) return text.slice(0, i);
  }
  return text;
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

function nameColumns(path: string, fields: readonly string[]): { names: string[]; notes: string[] } {
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
  return { names, notes };
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
  if (found) {
    const lines = new Set(rejects.map((r) => Number(r["line"]))).size;
    return new GradusError(
      `${where}: ${columns} fields were expected (the header has ${columns}, separated by ${separator}), found ${found}${lines > 1 ? `; ${grouped(lines)} lines are like this` : ""}.`,
      { hint: `mend the line; a field that contains ${separator} must stand in double quotes.`, cause },
    );
  }
  if (/unterminated quote|UNQUOTED VALUE/i.test(text))
    return new GradusError(`${where}: a field that opens with a double quote does not close properly.`, {
      hint: 'inside a quoted field, write a double quote twice: "".',
      cause,
    });
  if (/unicode|utf-8/i.test(text))
    return new GradusError(`${where}: not valid UTF-8 text.`, {
      hint: `convert the file, e.g. iconv -f latin1 -t utf-8 ${path}`,
      cause,
    });
  if (/maximum line size/i.test(text))
    return new GradusError(`${where}: the line is longer than the 2 MB a row may have.`, {
      hint: "look for a quote that never closes.",
      cause,
    });
  if (/state machine/i.test(message))
    return new GradusError(`${path}: the lines do not all end alike (\\n, \\r\\n).`, {
      hint: `make them one kind, e.g. dos2unix ${path}`,
      cause,
    });
  return new GradusError(`${where}: not well-formed delimited text: ${message.split("\n")[0]}`, {
    hint: "check the quotes and the separators around there.",
    cause,
  });
}

/** A path as a pattern that matches it alone. */
const escapeGlob = (path: string): string => path.replace(/[[*?]/g, "[$&]");
