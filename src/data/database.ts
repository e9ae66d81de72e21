/** DuckDB as the readers use it: one database per file, in memory or on disk, loaded only when a file is read. */
import type { DuckDBDataChunk, DuckDBValue } from "@duckdb/node-api";
import { internal } from "../util/errors.ts";

/** A private database. */
export interface Database {
  /** Runs a statement; its rows as objects (numbers that are 64-bit integers come as bigint). */
  query(sql: string): Promise<Record<string, unknown>[]>;
  /** The values of SQL expressions of type DOUBLE over the rows of a relation, in order; NULL becomes NaN. */
  numbers(expressions: readonly string[], relation: string, rows: number): Promise<Float64Array[]>;
  /** As `numbers`, some rows at a time, in order; the arrays are the caller's. Other queries may run in between. */
  chunks(expressions: readonly string[], relation: string): AsyncGenerator<{ readonly rows: number; readonly columns: Float64Array[] }>;
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
/** What a scan holds beside the columns it fills: so many bytes, or one column. */
const SCAN_BYTES = 2 ** 27;

const listOf = (expressions: readonly string[]): string => expressions.map((sql) => `coalesce((${sql})::DOUBLE, 'NaN'::DOUBLE)`).join(", ");

/** A column of a chunk whose values are DOUBLE. */
function numbersOf(chunk: DuckDBDataChunk, column: number): Float64Array | number[] {
  const { items } = chunk.getColumnVector(column) as { items?: unknown };
  return items instanceof Float64Array ? items : (chunk.getColumnValues(column) as number[]);
}

/**
 * Opens a database: an empty one in memory, or the one of a file.
 * @param settings of DuckDB, e.g. `memory_limit`
 */
export async function openDatabase(file = ":memory:", settings: Readonly<Record<string, string>> = {}): Promise<Database> {
  const { DuckDBDataChunk, DuckDBInstance, VARCHAR } = await import("@duckdb/node-api");
  const instance = await DuckDBInstance.create(file, { ...settings });
  const connection = await instance.connect();
  if (settings["lock_configuration"] !== "true") await connection.run("SET TimeZone = 'UTC'");

  async function* chunksOf(
    via: typeof connection,
    expressions: readonly string[],
    relation: string,
  ): AsyncGenerator<{ readonly rows: number; readonly columns: (Float64Array | number[])[] }> {
    const result = await via.stream(`SELECT ${listOf(expressions)} FROM ${relation}`);
    for (let chunk = await result.fetchChunk(); chunk && chunk.rowCount > 0; chunk = await result.fetchChunk()) {
      const found = chunk;
      yield { rows: chunk.rowCount, columns: expressions.map((_, c) => numbersOf(found, c)) };
    }
  }

  /** All at once: chunks of a finished result are fetched without waiting for a thread, which takes longer than to copy one. */
  async function scan(expressions: readonly string[], relation: string, rows: number): Promise<Float64Array[]> {
    const out = expressions.map(() => new Float64Array(rows));
    const result = await connection.run(`SELECT ${listOf(expressions)} FROM ${relation}`);
    let row = 0;
    for (let i = 0; i < result.chunkCount; i++) {
      const chunk = result.getChunk(i);
      for (let c = 0; c < out.length; c++) out[c]!.set(numbersOf(chunk, c), row);
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
      const columns = Math.max(1, Math.min(64, Math.floor(SCAN_BYTES / (8 * rows))));
      for (let at = 0; at < expressions.length; at += columns)
        out.push(...(await scan(expressions.slice(at, at + columns), relation, rows)));
      return out;
    },
    async *chunks(expressions, relation) {
      // A connection has one stream at a time.
      const own = await instance.connect();
      try {
        for await (const { rows, columns } of chunksOf(own, expressions, relation))
          yield { rows, columns: columns.map((values) => new Float64Array(values)) };
      } finally {
        own.closeSync();
      }
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
