/** DuckDB as the readers use it: one in-memory database per file, loaded only when a file is read. */
import type { DuckDBValue } from "@duckdb/node-api";
import { internal } from "../util/errors.ts";

/** A private in-memory database. */
export interface Database {
  /** Runs a statement; its rows as objects (numbers that are 64-bit integers come as bigint). */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** The values of SQL expressions of type DOUBLE over the rows of a relation, in order; NULL becomes NaN. */
  numbers(expressions: readonly string[], relation: string, rows: number): Promise<Float64Array[]>;
  /** Creates a table of VARCHAR columns named `c0`, `c1`, …, given column by column; null is NULL. Without columns it has the rows alone. */
  texts(table: string, columns: readonly (readonly (string | null)[])[], rows: number): Promise<void>;
  /**
   * Creates a table from values: numbers, bigints, texts, true and false, null; a DATE in days since 1970-01-01, a TIMESTAMP or TIME in
   * microseconds (bigint).
   */
  append(
    table: string,
    columns: readonly { readonly name: string; readonly sqlType: string }[],
    rows: number,
    value: (column: number, row: number) => unknown,
  ): Promise<void>;
  close(): void;
}

/** An identifier quoted for SQL. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A text quoted for SQL. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A path as a pattern that matches it alone. */
export const escapeGlob = (path: string): string => path.replace(/[[*?]/g, "[$&]");

/** Rows of a data chunk. */
const ROWS_PER_CHUNK = 2048;
const COLUMNS_PER_SCAN = 64;

/** Opens an empty database. */
export async function openDatabase(): Promise<Database> {
  const { DuckDBDataChunk, DuckDBInstance, VARCHAR } = await import("@duckdb/node-api");
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
    async texts(table, columns, rows) {
      const held = columns.length > 0 ? columns : [Array.from({ length: rows }, () => null)];
      await connection.run(`CREATE TABLE ${table} (${held.map((_, i) => `c${i} VARCHAR`).join(", ")})`);
      const appender = await connection.createAppender(table);
      const types = held.map(() => VARCHAR);
      for (let from = 0; from < rows; from += ROWS_PER_CHUNK) {
        const chunk = DuckDBDataChunk.create(types);
        chunk.setColumns(held.map((column) => column.slice(from, from + ROWS_PER_CHUNK)));
        appender.appendDataChunk(chunk);
      }
      appender.closeSync();
    },
    async append(table, columns, rows, value) {
      const duckdb = await import("@duckdb/node-api");
      const types = columns.map(({ sqlType }) => duckdb[sqlType as "DOUBLE"]);
      await connection.run(`CREATE TABLE ${table} (${columns.map(({ name, sqlType }) => `${identifier(name)} ${sqlType}`).join(", ")})`);
      const wrap: Partial<Record<string, (given: never) => unknown>> = {
        DATE: (days: number) => new duckdb.DuckDBDateValue(days),
        TIMESTAMP: (micros: bigint) => new duckdb.DuckDBTimestampValue(micros),
        TIME: (micros: bigint) => new duckdb.DuckDBTimeValue(micros),
      };
      const appender = await connection.createAppender(table);
      for (let from = 0; from < rows; from += ROWS_PER_CHUNK) {
        const size = Math.min(ROWS_PER_CHUNK, rows - from);
        const chunk = duckdb.DuckDBDataChunk.create(types, size);
        for (const [c, { sqlType }] of columns.entries()) {
          const values = Array.from({ length: size }, (_, i) => {
            const given = value(c, from + i);
            return given === null ? null : (wrap[sqlType]?.(given as never) ?? given);
          });
          chunk.setColumnValues(c, values as DuckDBValue[]);
        }
        appender.appendDataChunk(chunk);
      }
      appender.closeSync();
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}
