/** Compressed files become plain ones beside them, counted while they grow. */
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { Decompress } from "fzstd";
import { GradusError } from "../util/errors.ts";

/** What a compressed file may ask for. */
export const decompressionLimits = {
  /** A file may grow to this many times its size. */
  growth: 200,
  /** Up to here growth is nobody's concern, in bytes. */
  free: 2 ** 28,
  /** Bytes of history that a Zstandard frame may ask to be kept. */
  window: 2 ** 27,
} as const;

export type Compression = "gzip" | "zstd";

/** From the first bytes. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return "gzip";
  if (head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd) return "zstd";
  return undefined;
}

/**
 * Writes the decompressed contents of a file to another.
 * @param see gets the compressed bytes on their way
 * @throws GradusError where the file is cut short or damaged, or grows beyond `decompressionLimits`
 */
export async function decompressFile(
  { path, absolutePath, bytes, kind }: { path: string; absolutePath: string; bytes: number; kind: Compression },
  to: string,
  see: (chunk: Uint8Array) => void,
): Promise<void> {
  const most = Math.max(decompressionLimits.free, decompressionLimits.growth * bytes);
  let written = 0;
  async function* counted(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      written += chunk.length;
      if (written > most)
        throw new GradusError(
          `${path} grows beyond ${Math.round(most / 2 ** 20)} MiB when decompressed, more than ${decompressionLimits.growth} times its size of ${bytes} bytes.`,
          { hint: "if that is as it should be, decompress it first and name the result." },
        );
      yield chunk;
    }
  }
  async function* seen(): AsyncGenerator<Uint8Array> {
    for await (const chunk of createReadStream(absolutePath, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
      see(chunk);
      yield chunk;
    }
  }
  try {
    const decoder = kind === "gzip" ? createGunzip({ chunkSize: 1 << 18 }) : (chunks: AsyncIterable<Uint8Array>) => unzstd(chunks, path);
    await pipeline(seen, decoder, counted, createWriteStream(to));
  } catch (cause) {
    if (cause instanceof GradusError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === "ENOSPC")
      throw new GradusError(`${path}: no room on the disk for its ${Math.round(written / 2 ** 20)} MiB and more.`, {
        hint: "set TMPDIR to a folder with more room.",
        cause,
      });
    const short = code === "Z_BUF_ERROR" || /unexpected e(nd|of)/i.test(message);
    throw new GradusError(
      `${path} is ${kind === "gzip" ? "gzip" : "Zstandard"}-compressed and ${short ? "cut short" : `damaged (${message})`}, after ${written} bytes.`,
      { hint: "copy or download it again.", cause },
    );
  }
}

async function* unzstd(chunks: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  let ready: Uint8Array[] = [];
  let ended = false;
  const decoder = new Decompress((chunk, last) => {
    ready.push(chunk);
    ended = last === true;
  });
  let first = true;
  for await (const chunk of chunks) {
    if (first) checkWindow(chunk, path);
    first = false;
    decoder.push(new Uint8Array(chunk));
    yield* ready;
    ready = [];
  }
  decoder.push(new Uint8Array(0), true);
  yield* ready;
  if (!ended) throw new Error("unexpected end");
}

/** The window a frame asks for, from its header (RFC 8878, 3.1.1.1). @throws GradusError where it is too large */
export function checkWindow(frame: Uint8Array, path: string): void {
  const descriptor = frame[4] ?? 0;
  const single = (descriptor & 0x20) !== 0;
  let window: number;
  if (!single) {
    const byte = frame[5] ?? 0;
    window = 2 ** (10 + (byte >> 3)) * (1 + (byte & 7) / 8);
  } else {
    const width = [1, 2, 4, 8][descriptor >> 6]!;
    const at = 5 + [0, 1, 2, 4][descriptor & 3]!;
    window = width === 2 ? 256 : 0;
    for (let i = 0; i < width; i++) window += (frame[at + i] ?? 0) * 256 ** i;
  }
  if (window > decompressionLimits.window)
    throw new GradusError(
      `${path} asks for a window of ${Math.round(window / 2 ** 20)} MiB to be decompressed, more than ${decompressionLimits.window / 2 ** 20} MiB.`,
      { hint: "decompress it first (zstd -d --long=31) and name the result." },
    );
}
