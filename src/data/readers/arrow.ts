/** Arrow IPC files and streams, Feather (version 2) among them; LZ4 and Zstandard inside. Columns keep their types. */
import { readFile } from "node:fs/promises";
import { runInNewContext } from "node:vm";
import type { DataType, Table, Vector } from "apache-arrow";
import { decompress } from "fzstd";
import { GradusError } from "../../util/errors.ts";
import type { Database } from "../database.ts";
import { checkWindow, decompressionLimits } from "../decompress.ts";
import type { FileFacts } from "../file.ts";
import { decodeLz4 } from "../lz4.ts";
import type { Reader } from "../reader.ts";
import { stageRelation } from "../typed-source.ts";

const isFile = ({ head }: FileFacts): boolean => head.subarray(0, 6).toString("latin1") === "ARROW1";
/** A stream has no name: its first message begins with a mark and its length. */
const isStream = ({ head }: FileFacts): boolean => head.length > 8 && head.readUInt32LE(0) === 0xffffffff;
const MOST_BYTES = 2 ** 31 - 1;
/** What decoding may take; it does some hundred times as much. */
const [LEAST_MILLISECONDS, BYTES_PER_MILLISECOND] = [5000, 10_000];

export const arrow: Reader = {
  name: "Arrow",
  reads: (file) => isFile(file) || /\.(arrow|arrows|feather|ipc)$/i.test(file.name),
  async stage(file, { database, reading }) {
    const { path } = file;
    const start = file.head.subarray(0, 8).toString("latin1");
    if (start.startsWith("FEA1"))
      throw new GradusError(`${path} is a Feather file of version 1; Arrow IPC (Feather version 2) was expected.`, {
        hint: "write it again with a newer library, or as Parquet.",
      });
    if (!isFile(file) && !isStream(file))
      throw new GradusError(`${path} is no Arrow file, whatever its name says: it should begin with "ARROW1", found "${start}".`, {
        hint: "give it the suffix of what it is (.csv, .json, .parquet), or copy it again.",
      });
    if (file.bytes > MOST_BYTES)
      throw new GradusError(`${path} has ${file.bytes} bytes; an Arrow file may have ${MOST_BYTES}.`, { hint: "write it as Parquet." });
    try {
      const { names, notes } = await append(database, new Uint8Array(await readFile(file.absolutePath)), file);
      const staged = await stageRelation(database, path, "arrow", { called: names, missing: reading.missing });
      await database.query("DROP TABLE arrow");
      return { ...staged, notes: [...notes, ...staged.notes] };
    } catch (cause) {
      if (cause instanceof GradusError) throw cause;
      const { code, message } = cause as NodeJS.ErrnoException;
      const why =
        code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
          ? "decoding it comes to no end"
          : cause instanceof TypeError || cause instanceof RangeError
            ? "a part of it that others point to is not there"
            : message.split("\n")[0];
      throw new GradusError(`${path} is a damaged or incomplete Arrow file: ${why}`, {
        hint: "copy or download it again.",
        cause,
      });
    }
  },
};

/** A type of the database, and a value of Arrow's as it takes it. */
interface Conversion {
  readonly sqlType: string;
  readonly convert: (value: never) => unknown;
}

/** Reads all of a file into the table `arrow`. */
async function append(database: Database, bytes: Uint8Array, { path }: FileFacts): Promise<{ names: string[]; notes: string[] }> {
  const lib = await import("apache-arrow");
  // Reading is synchronous, so that the budget of one file is never another's.
  let left = Math.max(decompressionLimits.free, decompressionLimits.growth * bytes.length);
  const spend = (plain: Uint8Array): Uint8Array => {
    left -= plain.length;
    if (left < 0) throw new Error(`it grows to more than ${decompressionLimits.growth} times its size when decompressed`);
    return plain;
  };
  lib.compressionRegistry.set(lib.CompressionType.LZ4_FRAME, { decode: (data) => spend(decodeLz4(data, left)) });
  lib.compressionRegistry.set(lib.CompressionType.ZSTD, {
    decode(data) {
      checkWindow(data, path);
      return spend(decompress(data));
    },
  });
  const budget = left;
  // A damaged file can send the decoder round in circles: it has a time by which it must be done.
  const parse = (): Table => lib.tableFromIPC(bytes);
  const table = runInNewContext(
    "parse()",
    { parse },
    { timeout: Math.ceil(LEAST_MILLISECONDS + bytes.length / BYTES_PER_MILLISECOND) },
  ) as Table;
  // A row takes a bit of some column at least, compressed or not.
  const most = 8 * (bytes.length + budget - left);
  if (table.numRows > most) throw new Error(`${table.numRows} rows in ${bytes.length} bytes`);
  const notes: string[] = [];
  const columns = table.schema.fields.flatMap((field, i) => {
    const conversion = conversionOf(lib, field.type);
    if (!conversion) notes.push(`${field.name} left out: values of type ${String(field.type)} are no numbers, texts or dates`);
    return conversion ? [{ name: field.name, ...conversion, vector: table.getChildAt(i)! as Vector }] : [];
  });
  if (columns.length === 0) throw new GradusError(`${path} has no column of numbers, texts or dates.`);
  await database.append(
    "arrow",
    columns.map(({ sqlType }, i) => ({ name: `c${i}`, sqlType })),
    table.numRows,
    (column, row) => {
      const { vector, convert } = columns[column]!;
      const value: unknown = vector.get(row);
      return value === null || value === undefined ? null : convert(value as never);
    },
  );
  return { names: columns.map(({ name }) => name), notes };
}

/** Undefined for what is no number, text, date or list of them. */
function conversionOf(lib: typeof import("apache-arrow"), type: DataType): Conversion | undefined {
  const { DataType: Is } = lib;
  const same = (value: unknown): unknown => value;
  if (Is.isInt(type)) {
    if (type.bitWidth < 64) return { sqlType: type.isSigned || type.bitWidth < 32 ? "INTEGER" : "UINTEGER", convert: same };
    return { sqlType: type.isSigned ? "BIGINT" : "UBIGINT", convert: (value: bigint) => value };
  }
  if (Is.isFloat(type)) return { sqlType: "DOUBLE", convert: same };
  if (Is.isDecimal(type)) return { sqlType: "DOUBLE", convert: (words: Uint32Array) => decimal(words, type.scale) };
  if (Is.isUtf8(type) || Is.isLargeUtf8(type)) return { sqlType: "VARCHAR", convert: same };
  if (Is.isBool(type)) return { sqlType: "BOOLEAN", convert: same };
  if (Is.isDate(type))
    return { sqlType: "DATE", convert: (milliseconds: number | bigint) => Math.floor(Number(milliseconds) / 86_400_000) };
  if (Is.isTimestamp(type))
    return { sqlType: "TIMESTAMP", convert: (milliseconds: number | bigint) => BigInt(Math.round(Number(milliseconds) * 1000)) };
  if (Is.isTime(type)) {
    const perUnit = [1e6, 1e3, 1, 1e-3][type.unit]!;
    return { sqlType: "TIME", convert: (units: number | bigint) => BigInt(Math.round(Number(units) * perUnit)) };
  }
  if (Is.isDictionary(type)) return conversionOf(lib, type.dictionary as DataType);
  if (Is.isNull(type)) return { sqlType: "VARCHAR", convert: () => null };
  if (Is.isList(type) || Is.isFixedSizeList(type)) {
    const plain = (value: unknown): unknown =>
      typeof value === "bigint" ? Number(value) : value instanceof lib.Vector ? Array.from(value, plain) : value;
    return { sqlType: "VARCHAR", convert: (list: Vector) => JSON.stringify(Array.from(list, plain)) };
  }
  return undefined;
}

/** A two's-complement number of 32-bit words, the lowest first, with so many decimal places. */
function decimal(words: Uint32Array, scale: number): number {
  let value = 0n;
  for (let i = words.length - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[i]!);
  const negative = (words[words.length - 1]! & 0x80000000) !== 0;
  const signed = negative ? value - (1n << BigInt(32 * words.length)) : value;
  return Number(`${signed}e${-scale}`);
}
