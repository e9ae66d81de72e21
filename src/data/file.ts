/** A data file before any reader opens it: that it is there, what it is, its fingerprint. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { access, readdir, stat } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { closest } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";

/** What is known of a file from its bytes alone; of a compressed one, from what it decompresses to. */
export interface FileFacts {
  /** As given by the person, for messages. */
  readonly path: string;
  /** Its path without what says that it is compressed: the suffix tells its kind. */
  readonly name: string;
  /** Where its plain bytes are. */
  readonly absolutePath: string;
  readonly bytes: number;
  /** SHA-256 of the bytes of `path`, hex. */
  readonly fingerprint: string;
  /** Line feeds in the file (carriage returns where it has no line feed). */
  readonly lineEnds: number;
  /** Whether the last byte ends a line. */
  readonly endsWithLine: boolean;
  /** Whether all bytes are UTF-8 text. */
  readonly utf8: boolean;
  /** The first mebibyte. */
  readonly head: Buffer;
}

const HEAD_BYTES = 1 << 20;

/** @throws GradusError where a file is missing (closest names offered), a directory, no regular file or empty */
export async function checkFile(path: string, at: string): Promise<{ absolutePath: string; bytes: number }> {
  const absolutePath = resolve(at);
  const status = await stat(absolutePath).catch((cause: NodeJS.ErrnoException) => unreadable(path, absolutePath, cause));
  if (status.isDirectory())
    throw new GradusError(`${path} is a directory; a data file was expected.`, { hint: await directoryHint(absolutePath) });
  if (!status.isFile()) throw new GradusError(`${path} is not a regular file.`, { hint: "write its contents to a file first." });
  if (status.size === 0)
    throw new GradusError(`${path} is empty (0 bytes); a header line and rows were expected.`, { hint: "check how it was written." });
  await access(absolutePath, constants.R_OK).catch((cause: NodeJS.ErrnoException) => unreadable(path, absolutePath, cause));
  return { absolutePath, bytes: status.size };
}

/**
 * Reads a file through once: its fingerprint, its line ends, its head.
 * @throws GradusError where it cannot be read
 */
export async function inspectFile(file: Pick<FileFacts, "path" | "absolutePath" | "bytes">): Promise<FileFacts> {
  const { path, absolutePath } = file;
  const hash = createHash("sha256");
  const headChunks: Buffer[] = [];
  let [headBytes, feeds, returns, last] = [0, 0, 0, 0];
  let [utf8, rest]: [boolean, Buffer] = [true, Buffer.alloc(0)];
  try {
    for await (const chunk of createReadStream(absolutePath, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      if (headBytes < HEAD_BYTES) headChunks.push(chunk.subarray(0, HEAD_BYTES - headBytes));
      headBytes += chunk.length;
      last = chunk.at(-1) ?? last;
      if (utf8) [utf8, rest] = continueUtf8(rest, chunk);
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) feeds += 1;
      if (feeds === 0) for (let at = chunk.indexOf(13); at >= 0; at = chunk.indexOf(13, at + 1)) returns += 1;
    }
  } catch (cause) {
    await unreadable(path, absolutePath, cause as NodeJS.ErrnoException);
  }
  return {
    ...file,
    name: path,
    fingerprint: hash.digest("hex"),
    lineEnds: feeds || returns,
    endsWithLine: last === 10 || last === 13,
    utf8: utf8 && rest.length === 0,
    head: Buffer.concat(headChunks),
  };
}

/** Whether a chunk goes on as UTF-8, and the bytes at its end of a character that the next one completes. */
function continueUtf8(rest: Buffer, chunk: Buffer): [boolean, Buffer] {
  const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
  let end = bytes.length;
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      if (back < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2)) end = bytes.length - back;
      break;
    }
  }
  return [isUtf8(bytes.subarray(0, end)), Buffer.from(bytes.subarray(end))];
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
  ["PK\x03\x04", "a zip archive or a spreadsheet", "unpack it, or save the sheet as CSV."],
  ["\xd0\xcf\x11\xe0", "an old spreadsheet or document", "save the sheet as CSV."],
  ["\x1f\x8b", "compressed twice", "decompress it once (gunzip)."],
  ["BZh", "bzip2-compressed", "decompress it first (bunzip2)."],
  ["\xfd7zXZ", "xz-compressed", "decompress it first (unxz)."],
  ["PAR1", "a Parquet file", "name it .parquet."],
  ["ARROW1", "an Arrow file", "name it .arrow."],
  ["%PDF", "a PDF document", "export the table as CSV."],
  ["\x89PNG", "a PNG image", "name a table: CSV, JSON, Parquet or Arrow."],
  ["\xff\xd8\xff", "a JPEG image", "name a table: CSV, JSON, Parquet or Arrow."],
  ["SQLite format 3", "an SQLite database", "export the table as CSV."],
  ["\x89HDF", "an HDF5 file", "export the table as CSV or Parquet."],
];

/** What a file is by its first bytes, where it is nothing that a table can be read from as text. */
export function foreignKind({ head }: Pick<FileFacts, "head">): { readonly what: string; readonly remedy: string } | undefined {
  const start = head.subarray(0, 16).toString("latin1");
  const known = MAGIC.find(([bytes]) => start.startsWith(bytes));
  return known && { what: known[1], remedy: known[2] };
}
