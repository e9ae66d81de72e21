/** A data file before any reader opens it: that it is there, what it is, its fingerprint. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { closest } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";

/** What is known of a file from its bytes alone. */
export interface FileFacts {
  /** As given by the person, for messages. */
  readonly path: string;
  readonly absolutePath: string;
  readonly bytes: number;
  /** SHA-256 of the bytes, hex. */
  readonly fingerprint: string;
  /** Line feeds in the file (carriage returns where it has no line feed). */
  readonly lineEnds: number;
  /** Whether the last byte ends a line. */
  readonly endsWithLine: boolean;
  /** The first mebibyte. */
  readonly head: Buffer;
}

const HEAD_BYTES = 1 << 20;

/**
 * Reads a file through once: its fingerprint, its line ends, its head.
 * @throws GradusError where it is missing (closest names offered), a directory, unreadable or empty
 */
export async function inspectFile(path: string): Promise<FileFacts> {
  const absolutePath = resolve(path);
  const status = await stat(absolutePath).catch((cause: NodeJS.ErrnoException) => unreadable(path, absolutePath, cause));
  if (status.isDirectory())
    throw new GradusError(`${path} is a directory; a data file was expected.`, { hint: await directoryHint(absolutePath) });
  if (!status.isFile()) throw new GradusError(`${path} is not a regular file.`, { hint: "write its contents to a file first." });
  if (status.size === 0)
    throw new GradusError(`${path} is empty (0 bytes); a header line and rows were expected.`, { hint: "check how it was written." });
  const hash = createHash("sha256");
  const headChunks: Buffer[] = [];
  let [headBytes, feeds, returns, last] = [0, 0, 0, 0];
  try {
    for await (const chunk of createReadStream(absolutePath, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (headBytes < HEAD_BYTES) headChunks.push(chunk.subarray(0, HEAD_BYTES - headBytes));
      headBytes += chunk.length;
      last = chunk.at(-1) ?? last;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) feeds += 1;
      if (feeds === 0) for (let at = chunk.indexOf(13); at >= 0; at = chunk.indexOf(13, at + 1)) returns += 1;
    }
  } catch (cause) {
    await unreadable(path, absolutePath, cause as NodeJS.ErrnoException);
  }
  return {
    path,
    absolutePath,
    bytes: status.size,
    fingerprint: hash.digest("hex"),
    lineEnds: feeds || returns,
    endsWithLine: last === 10 || last === 13,
    head: Buffer.concat(headChunks),
  };
}

async function unreadable(path: string, absolutePath: string, cause: NodeJS.ErrnoException): Promise<never> {
  if (cause.code !== "ENOENT" && cause.code !== "ENOTDIR")
    throw new GradusError(`${path} cannot be read (${cause.code ?? cause.message}).`, { hint: "check its permissions.", cause });
  const siblings = await readdir(dirname(absolutePath)).catch(() => undefined);
  const near = siblings ? closest(basename(absolutePath), siblings) : [];
  throw new GradusError(`no file ${path}.`, {
    hint: siblings
      ? near.length > 0
        ? `did you mean ${near.join(" or ")}?`
        : `nothing of a similar name in ${dirname(absolutePath)}; check the path.`
      : `its folder ${dirname(absolutePath)} does not exist either; check the path.`,
    cause,
  });
}

async function directoryHint(directory: string): Promise<string> {
  const files = (await readdir(directory).catch(() => [])).filter((name) => /\.(csv|tsv|tab|txt|parquet|json)$/i.test(name));
  return files.length > 0 ? `name a file in it: ${files.slice(0, 10).join(", ")}` : "name a file in it.";
}

const MAGIC: readonly (readonly [bytes: string, what: string, remedy: string])[] = [
  ["\x1f\x8b", "gzip-compressed", "decompress it first (gunzip)."],
  ["PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV."],
  ["\xd0\xcf\x11\xe0", "an old spreadsheet or document", "save the sheet as CSV."],
  ["\x28\xb5\x2f\xfd", "Zstandard-compressed", "decompress it first (zstd -d)."],
  ["PAR1", "a Parquet file", "convert it to CSV."],
  ["%PDF", "a PDF document", "export the table as CSV."],
  ["\x89PNG", "a PNG image", "name a table: CSV or TSV."],
  ["\xff\xd8\xff", "a JPEG image", "name a table: CSV or TSV."],
  ["SQLite format 3", "an SQLite database", "export the table as CSV."],
];

/** How a text file is encoded. */
export type TextEncoding = "utf-8" | "utf-16le" | "utf-16be";

/**
 * The encoding of a text file, from its byte-order mark or the pattern of its zero bytes.
 * @throws GradusError where it is no text
 */
export function textEncoding({ path, head }: FileFacts): TextEncoding {
  if (head[0] === 0xff && head[1] === 0xfe) return "utf-16le";
  if (head[0] === 0xfe && head[1] === 0xff) return "utf-16be";
  const start = head.subarray(0, 16).toString("latin1");
  const known = MAGIC.find(([bytes]) => start.startsWith(bytes));
  if (known) throw new GradusError(`${path} is ${known[1]}; a text table (CSV, TSV) was expected.`, { hint: known[2] });
  const sample = head.subarray(0, 65_536);
  const zeros = [0, 0];
  for (let i = 0; i < sample.length; i++) if (sample[i] === 0) zeros[i % 2]! += 1;
  const [even, odd] = zeros as [number, number];
  if (even + odd === 0) return "utf-8";
  const half = sample.length / 2;
  if (odd > 0.4 * half && even < 0.05 * half) return "utf-16le";
  if (even > 0.4 * half && odd < 0.05 * half) return "utf-16be";
  throw new GradusError(`${path} is not text: byte ${sample.indexOf(0)} is zero; a text table (CSV, TSV) was expected.`, {
    hint: "check that it is the file you meant; save it as UTF-8 text.",
  });
}
