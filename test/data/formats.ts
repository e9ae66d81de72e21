/** What the tests of readers share: columns of a table as lists, files in the formats that DuckDB writes. */
import { join } from "node:path";
import { openDatabase } from "../../src/data/database.ts";
import { readTable, type ReadOptions } from "../../src/data/read-table.ts";
import type { CategoricalColumn, NumericColumn, Table } from "../../src/data/table.ts";
import { complaint, temporaryFolder } from "./files.ts";

export const numbers = (table: Table, name: string): number[] => [...(table.columns.find((c) => c.name === name) as NumericColumn).values];
export const texts = (table: Table, name: string): (string | undefined)[] => {
  const column = table.columns.find((c) => c.name === name) as CategoricalColumn;
  return [...column.codes].map((code) => column.categories[code]);
};
export const types = (table: Table): string[] => table.columns.map(({ name, sqlType }) => `${name} ${sqlType}`);
export const said = (path: string, options: ReadOptions = { target: "y" }): Promise<string> => complaint(readTable(path, options));
export const inFolder = (name: string): string => join(temporaryFolder, name);

/** The same rows as a file of any format that DuckDB writes. */
export async function written(name: string, options: string, select?: string): Promise<string> {
  const path = inFolder(name);
  const database = await openDatabase();
  const rows = `SELECT i AS whole, i / 4 AS half, 'name ' || (i % 3) AS text, DATE '2024-01-01' + i::INTEGER AS day,
    TIMESTAMP '2024-01-01 10:00:00' + INTERVAL (i) HOUR AS moment, i % 2 = 0 AS flag, CASE WHEN i = 2 THEN NULL ELSE i * 1.5 END AS gap, i % 2 AS y
    FROM range(6) r(i)`;
  await database.query(`COPY (${select ?? rows}) TO '${path.replaceAll("'", "''")}' (${options})`);
  database.close();
  return path;
}
