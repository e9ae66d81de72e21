/** IDX, the format of MNIST: two zero bytes, a type, the number of axes, their sizes big-endian, the numbers. Gzipped or not. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { GradusError } from "../../util/errors.ts";
import { grouped } from "../table.ts";
import { MOST_BYTES, spokenBytes, type NdArray } from "./array.ts";
import { firstBytes, MOST_INFLATION, plainBytes } from "./bytes.ts";

/** By the third byte: how many bytes a number has, and how it is read. */
const TYPES: Readonly<Record<number, readonly [bytes: number, read: (view: DataView, at: number) => number]>> = {
  0x08: [1, (view, at) => view.getUint8(at)],
  0x09: [1, (view, at) => view.getInt8(at)],
  0x0b: [2, (view, at) => view.getInt16(at)],
  0x0c: [4, (view, at) => view.getInt32(at)],
  0x0d: [4, (view, at) => view.getFloat32(at)],
  0x0e: [8, (view, at) => view.getFloat64(at)],
};

/** Whether bytes begin as an IDX file does. */
export const isIdx = (head: Uint8Array): boolean =>
  head[0] === 0 && head[1] === 0 && TYPES[head[2] ?? 0] !== undefined && head[3]! >= 1 && head[3]! <= 4;

const spokenShape = (shape: readonly number[]): string => shape.map(grouped).join("×");

/**
 * Reads an IDX file.
 * @param shown the path for messages
 * @throws GradusError on wrong first bytes, on fewer or more bytes than announced, on damaged compression, beyond the limit
 */
export async function readIdx(shown: string, path: string): Promise<NdArray & { readonly digest: string }> {
  const { size } = await stat(path);
  if (size === 0) throw new GradusError(`${shown} is empty (0 bytes); an IDX file was expected.`, { hint: "fetch it again." });
  const start = await firstBytes(path, 2);
  const gzipped = start[0] === 0x1f && start[1] === 0x8b;
  const hash = createHash("sha256");
  let [head, body, filled, excess] = [new Uint8Array(0), undefined as Uint8Array | undefined, 0, 0];
  let header: { type: number; shape: number[]; length: number; bytes: number } | undefined;
  const consume = (chunk: Buffer): boolean => {
    let rest: Uint8Array = chunk;
    if (!header) {
      head = Buffer.concat([head, chunk]);
      header = parseHeader(shown, head, gzipped ? size * MOST_INFLATION : size);
      if (!header) return true;
      rest = head.subarray(header.length);
      body = new Uint8Array(header.bytes);
    }
    const room = body!.length - filled;
    body!.set(rest.subarray(0, room), filled);
    filled += Math.min(room, rest.length);
    excess += Math.max(0, rest.length - room);
    return true;
  };
  try {
    await plainBytes(path, gzipped, hash, consume);
  } catch (cause) {
    if (cause instanceof GradusError) throw cause;
    const at = header ? ` after ${grouped(filled)} of ${grouped(header.bytes)} bytes` : "";
    throw new GradusError(`${shown}: its compression is damaged or cut off${at} (${(cause as Error).message}).`, {
      hint: "fetch it again.",
      cause,
    });
  }
  if (!header) throw new GradusError(`${shown} ends inside the header of an IDX file.`, { hint: "fetch it again." });
  const { shape, bytes, type } = header;
  if (filled < bytes || excess > 0)
    throw new GradusError(
      `${shown} announces ${spokenShape(shape)} numbers (${grouped(bytes)} bytes), ${filled < bytes ? `and ends after ${grouped(filled)}` : `and has ${grouped(excess)} bytes more`}.`,
      { hint: "it is cut off or damaged: fetch it again." },
    );
  return { shape, values: type === 8 ? body! : numbersOf(body!, type, shape), digest: hash.digest("hex") };
}

function numbersOf(bytes: Uint8Array, type: number, shape: readonly number[]): Float64Array {
  const [width, read] = TYPES[type]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => read(view, i * width));
}

/** The header once enough bytes are there. @param most bytes that the file can hold */
function parseHeader(shown: string, head: Uint8Array, most: number) {
  if (head.length < 4) return undefined;
  if (!isIdx(head)) {
    const found = [...head.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new GradusError(
      `${shown} is no IDX file: it begins with the bytes ${found}; 00 00, a type (08 to 0e) and the number of axes were expected.`,
      {
        hint: "00 00 08 03 begins images, 00 00 08 01 labels; check that it is the file you meant.",
      },
    );
  }
  const [type, rank] = [head[2]!, head[3]!];
  const length = 4 + 4 * rank;
  if (head.length < length) return undefined;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const bytes = shape.reduce((a, b) => a * b, 1) * TYPES[type]![0];
  if (length + bytes > most || bytes > MOST_BYTES)
    throw new GradusError(
      `${shown} announces ${spokenShape(shape)} numbers (${spokenBytes(bytes)}), ${length + bytes > most ? "more than it can hold" : `more than the ${spokenBytes(MOST_BYTES)} that are read into memory`}.`,
      { hint: length + bytes > most ? "it is cut off or damaged: fetch it again." : "divide it." },
    );
  return { type, shape, length, bytes };
}
