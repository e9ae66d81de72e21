/** DuckDB as the readers use it: one in-memory database per file, loaded only when a file is read. */
import { internal } from "../util/errors.ts";

/** A private in-memory database. */
export interface Database {
  /** Runs a statement; its rows as objects (numbers that are 64-bit integers come as bigint). */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** The values of SQL expressions of type DOUBLE over the rows of a relation, in order; NULL becomes NaN. */
  numbers(expressions: readonly string[], relation: string, rows: number): Promise<Float64Array[]>;
  close(): void;
}

/** An identifier quoted for SQL. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text quoted for SQL. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const COLUMNS_PER_SCAN = 64;

/** Opens an empty database. */
export async function openDatabase(): Promise<Database> {
  const { DuckDBInstance } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run("SET TimeZone = 'UTC'");

  async function scan(expressions: readonly string[], relation: string, rows: number): Promise<Float64Array[]> {
    const out = expressions.map(() => new Float64Array(rows));
    const list = expressions.map((sql) => `coalesce((${sql})::DOUBLE, 'NaN'::DOUBLE)`).join(", ");
    const result = await connection.stream(`SELECT ${list} FROM ${relation}`);
    let row = 0;
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      for (let c = 0; c < out.length; c++) {
        const { items } = chunk.getColumnVector(c) as { items?: unknown };
        const values = items instanceof Float64Array ? items : (chunk.getColumnValues(c) as number[]);
        out[c]!.set(values, row);
      }
      row += chunk.rowCount;
    }
    if (row !== rows) internal(`${rows} rows were expected in ${relation}, found ${row}`);
    return out;
  }

  return {
    async query(sql) {
      return (await connection.runAndReadAll(sql)).getRowObjectsJS() as Record<string, unknown>[];
    },
    async numbers(expressions, relation, rows) {
      const out: Float64Array[] = [];
      for (let at = 0; at < expressions.length; at += COLUMNS_PER_SCAN)
        out.push(...(await scan(expressions.slice(at, at + COLUMNS_PER_SCAN), relation, rows)));
      return out;
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
