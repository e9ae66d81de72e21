/** The bytes of array files: read whole within limits, decompressed as far as announced, and their fingerprint. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { GradusError } from "../../util/errors.ts";
import { MOST_BYTES, spokenBytes } from "./array.ts";

/** A byte of deflate gives at most so many. */
export const MOST_INFLATION = 1032;

/** The first bytes of a file, as it lies there. */
export async function firstBytes(path: string, count: number): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(count), 0, count, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** A whole file. @throws GradusError where it is larger than memory is meant for */
export async function wholeFile(shown: string, path: string, bytes: number, hash: Hash): Promise<Uint8Array> {
  checkSize(shown, bytes);
  const all = new Uint8Array(bytes);
  let at = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    all.set(chunk.subarray(0, Math.max(0, bytes - at)), at);
    at += chunk.length;
  }
  return all.subarray(0, Math.min(at, bytes));
}

/** @throws GradusError where so many bytes are not to be held */
export function checkSize(shown: string, bytes: number): void {
  if (bytes > MOST_BYTES)
    throw new GradusError(`${shown} holds ${spokenBytes(bytes)}; ${spokenBytes(MOST_BYTES)} are read into memory at most.`, {
      hint: "divide it, or make its images smaller.",
    });
}

/**
 * Feeds the plain bytes of a file, gzipped or not, to a consumer until it wants no more.
 * @param consume takes a chunk; false ends the reading
 */
export async function plainBytes(path: string, gzipped: boolean, hash: Hash, consume: (chunk: Buffer) => boolean): Promise<void> {
  const source = createReadStream(path, { highWaterMark: 1 << 18 });
  const hashed = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  const sink = async (chunks: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of chunks) if (!consume(chunk)) return;
  };
  if (gzipped) await pipeline(source, hashed, createGunzip(), sink);
  else await pipeline(source, hashed, sink);
}

/** The fingerprint of several files together: their names and the SHA-256 of each. */
export function fingerprintOf(files: readonly { readonly name: string; readonly digest: string }[]): string {
  const hash = createHash("sha256");
  for (const { name, digest } of files) hash.update(`${name}\0${digest}\n`);
  return hash.digest("hex");
}
