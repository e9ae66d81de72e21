/** Tables with a column of paths: the images they name become a column. */
import { dirname, resolve } from "node:path";
import { didYouMean } from "../../util/closest.ts";
import { GradusError } from "../../util/errors.ts";
import { fingerprintOf } from "../arrays/bytes.ts";
import type { Database } from "../database.ts";
import type { ArrayRequest, Staged } from "../reader.ts";
import { readImages } from "./column.ts";

/**
 * Adds the images that a column of the staged relation names to what was staged. Paths are relative to the folder of the file.
 * @throws GradusError where there is no such column, a row has no path, or an image cannot be read
 */
export async function attachImages(
  database: Database,
  path: string,
  staged: Staged,
  name: string,
  request: ArrayRequest,
  fingerprint: string,
): Promise<Staged> {
  const at = staged.names.indexOf(name);
  if (at < 0)
    throw new GradusError(`no column "${name}" (--image) in ${path} (line 1).`, { hint: didYouMean(name, staged.names, "columns") });
  const rows = await database.query(`SELECT c${at} AS path FROM raw ORDER BY rowid`);
  const spokenRow = (row: number): string =>
    staged.nameOf?.(row) ?? (staged.lineOf(row) === undefined ? `row ${row + 1}` : `line ${staged.lineOf(row)}`);
  const folder = dirname(resolve(path));
  const files = rows.flatMap((entry, row) => {
    const given = entry["path"];
    if (typeof given !== "string" && request.skipBad) return [];
    if (typeof given !== "string")
      throw new GradusError(`${path}, ${spokenRow(row)}: column "${name}" (--image) is empty; every row needs the path of an image.`, {
        hint: "fill it in, or remove the row; or leave such rows out, listed: --skip-bad-rows.",
      });
    return [{ shown: `${path}, ${spokenRow(row)}: ${given}`, path: resolve(folder, given), row }];
  });
  const empty = rows.flatMap(({ path: given }, row) => (typeof given === "string" ? [] : [row]));
  const { column, kept: good, skipped, notes, fingerprint: pictures } = await readImages(path, name, files, request);
  const kept = good.map((i) => files[i]!.row);
  if (kept.length < rows.length) {
    await database.query(`CREATE TABLE kept AS SELECT * FROM raw WHERE rowid IN (${kept.join(", ")}) ORDER BY rowid`);
    await database.query("DROP TABLE raw");
    await database.query("ALTER TABLE kept RENAME TO raw");
  }
  const { nameOf } = staged;
  return {
    ...staged,
    rows: kept.length,
    names: staged.names.map((other, i) => (i === at ? pathName(name, staged.names) : other)),
    lineOf: (row) => staged.lineOf(kept[row]!),
    ...(nameOf ? { nameOf: (row: number) => nameOf(kept[row]!) } : {}),
    notes: [...staged.notes, ...emptyNotes(name, empty.map(spokenRow)), ...notes],
    ...(skipped.length > 0 || staged.skipped ? { skipped: [...(staged.skipped ?? []), ...skipped] } : {}),
    rowNames: kept.map((row) => String(rows[row]!["path"])),
    columns: [...(staged.columns ?? []), column],
    aside: new Map([...(staged.aside ?? []), [pathName(name, staged.names), "its images are the feature"]]),
    fingerprint: fingerprintOf([
      { name: "table", digest: fingerprint },
      { name: "images", digest: pictures },
    ]),
  };
}

function emptyNotes(name: string, rows: readonly string[]): string[] {
  if (rows.length === 0) return [];
  const listed = `${rows.slice(0, 20).join(", ")}${rows.length > 20 ? ", …" : ""}`;
  return [`${rows.length} ${rows.length === 1 ? "row" : "rows"} left out as asked, where column "${name}" names no image: ${listed}`];
}

/** What the column of paths is called beside the images, which have its name. */
const pathName = (name: string, taken: readonly string[]): string => {
  const given = `path of ${name}`;
  return taken.includes(given) ? pathName(given, taken) : given;
};
