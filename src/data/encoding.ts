/** How a text file is encoded, and its text as UTF-8. */
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { GradusError } from "../util/errors.ts";
import { foreignKind, type FileFacts } from "./file.ts";

/** A file of text that DuckDB can read, and what is to be said of how it was encoded. */
export interface PlainText {
  readonly absolutePath: string;
  /** The first mebibyte or so. */
  readonly head: string;
  readonly notes: readonly string[];
}

/**
 * The text of a file: itself where it is UTF-8, else a copy in the folder.
 * @param encoding as asked for; else found: byte-order mark, zero bytes, validity; where that leaves it open, from its accents, and said
 * @throws GradusError where it is no text, or its encoding cannot be told
 */
export async function plainText(file: FileFacts, encoding: string | undefined, scratch: string): Promise<PlainText> {
  const found = encoding === undefined ? textEncoding(file) : { label: knownEncoding(encoding), note: undefined };
  const notes = found.note === undefined ? [] : [found.note];
  if (found.label === "utf-8" && file.utf8) return { absolutePath: file.absolutePath, head: file.head.toString("utf8"), notes };
  const copy = join(scratch, `utf-8-${file.fingerprint.slice(0, 16)}.txt`);
  const decoder = new TextDecoder(found.label, { fatal: true });
  let at = 0;
  let head = "";
  async function* decoded(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
    for await (const chunk of chunks) {
      const text = decoder.decode(chunk, { stream: true });
      at += chunk.length;
      if (head.length < file.head.length) head += text;
      yield text;
    }
    yield decoder.decode();
  }
  try {
    await pipeline(createReadStream(file.absolutePath, { highWaterMark: 1 << 20 }), decoded, createWriteStream(copy));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_ENCODING_INVALID_ENCODED_DATA") throw cause;
    throw new GradusError(`${file.path} is no ${found.label} text, somewhere in the MiB after byte ${at}.`, {
      hint: "name another encoding: --encoding windows-1252, for example.",
      cause,
    });
  }
  return { absolutePath: copy, head, notes };
}

function knownEncoding(label: string): string {
  try {
    return new TextDecoder(label).encoding;
  } catch (cause) {
    throw new GradusError(`--encoding "${label}" is not known.`, {
      hint: "e.g. utf-8, utf-16le, windows-1252 (latin1), iso-8859-2, windows-1251, shift_jis, gbk, big5, euc-kr",
      cause,
    });
  }
}

/** From byte-order mark, zero bytes, validity as UTF-8 and accents. @throws GradusError where it is no text or cannot be told */
function textEncoding(file: FileFacts): { label: string; note: string | undefined } {
  const { path, head } = file;
  if (head[0] === 0xff && head[1] === 0xfe) return { label: "utf-16le", note: "read as UTF-16LE" };
  if (head[0] === 0xfe && head[1] === 0xff) return { label: "utf-16be", note: "read as UTF-16BE" };
  const foreign = foreignKind(file);
  if (foreign)
    throw new GradusError(`${path} is ${foreign.what}; a table (CSV, TSV, JSON, Parquet, Arrow) was expected.`, { hint: foreign.remedy });
  const sample = head.subarray(0, 65_536);
  const zeros = [0, 0];
  for (let i = 0; i < sample.length; i++) if (sample[i] === 0) zeros[i % 2]! += 1;
  const [even, odd] = zeros as [number, number];
  if (even + odd === 0) return file.utf8 ? { label: "utf-8", note: undefined } : singleByte(file);
  const half = sample.length / 2;
  if (odd > 0.4 * half && even < 0.05 * half) return { label: "utf-16le", note: "read as UTF-16LE" };
  if (even > 0.4 * half && odd < 0.05 * half) return { label: "utf-16be", note: "read as UTF-16BE" };
  throw new GradusError(`${path} is not text: byte ${sample.indexOf(0)} is zero; a text table (CSV, TSV, JSON) was expected.`, {
    hint: "check that it is the file you meant; save it as UTF-8 text.",
  });
}

/**
 * Bytes that are no UTF-8: Windows-1252, of which Latin-1 is a part, where the bytes above 127 stand among plain letters as accents do.
 * @throws GradusError where they stand in rows, as in other alphabets, or are control characters
 */
function singleByte({ path, head }: FileFacts): { label: string; note: string } {
  let [high, letters, runs, odd, first, line] = [0, 0, 0, 0, -1, 1];
  for (let i = 0; i < head.length; i++) {
    const byte = head[i]!;
    if (byte === 10 && first < 0) line += 1;
    if (byte < 0x80) {
      if (byte < 32 && ![9, 10, 12, 13].includes(byte)) odd += 1;
      continue;
    }
    if (first < 0) first = i;
    high += 1;
    if (byte >= 0xc0) letters += 1;
    if (head[i - 1]! >= 0x80) runs += 1;
    if ([0x81, 0x8d, 0x8f, 0x90, 0x9d].includes(byte)) odd += 1;
  }
  const where = first < 0 ? path : `${path}, line ${line}`;
  const shown = new TextDecoder("windows-1252")
    .decode(head.subarray(Math.max(0, first - 8), first + 9))
    .replace(/\s+/g, " ")
    .trim();
  if (high === 0 || odd > 0 || runs > 0.25 * high || letters < 0.5 * high)
    throw new GradusError(`${where}: not valid UTF-8 text, and its encoding cannot be told from it.`, {
      hint: "name it: --encoding windows-1252, windows-1251, shift_jis, gbk or what it is.",
    });
  return { label: "windows-1252", note: `read as Windows-1252 (Latin-1), e.g. "…${shown}…" in line ${line}; if that is wrong, --encoding` };
}
