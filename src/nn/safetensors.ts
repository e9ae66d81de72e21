/** The safetensors format (github.com/huggingface/safetensors): a JSON header, then raw little-endian tensors. */
import type { DType } from "../ir/dtype.ts";
import { bytesOf } from "../ir/dtype.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor, viewBytes, type NumericArray, type Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";

const codes: Partial<Record<DType, string>> = {
  float32: "F32",
  float64: "F64",
  float16: "F16",
  int8: "I8",
  int16: "I16",
  int32: "I32",
  int64: "I64",
  uint8: "U8",
  uint16: "U16",
  uint32: "U32",
  uint64: "U64",
  bool: "BOOL",
};
const headerLimit = 100_000_000;

/** Bytes of a file that holds the tensors in the given order; equal tensors give equal bytes. */
export function writeSafetensors(tensors: Readonly<Record<string, Tensor>>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const header: Record<string, unknown> = Object.keys(metadata).length > 0 ? { __metadata__: metadata } : {};
  let offset = 0;
  const parts: Uint8Array[] = [];
  for (const [name, { dtype, shape, data }] of Object.entries(tensors)) {
    const code = codes[dtype];
    if (!code) throw new GradusError(`safetensors cannot hold ${dtype} (tensor "${name}")`);
    const array = data as NumericArray;
    header[name] = { dtype: code, shape, data_offsets: [offset, offset + array.byteLength] };
    offset += array.byteLength;
    parts.push(new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength));
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const padded = Math.ceil(json.length / 8) * 8; // the data starts aligned; the format pads the header with spaces
  const bytes = new Uint8Array(8 + padded + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.fill(0x20, 8, 8 + padded);
  bytes.set(json, 8);
  let at = 8 + padded;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/**
 * Reads what {@link writeSafetensors} or any other program wrote; the tensors view `bytes` where alignment allows.
 * @throws GradusError where the file is not safetensors, naming what is wrong
 */
export function readSafetensors(bytes: Uint8Array): { tensors: Record<string, Tensor>; metadata: Record<string, string> } {
  const fail = (why: string): never => {
    throw new GradusError(`not a safetensors file: ${why}`);
  };
  if (bytes.length < 8) fail(`${bytes.length} bytes, a header needs at least 8`);
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (length > headerLimit || 8 + length > bytes.length) fail(`a header of ${length} bytes in a file of ${bytes.length}`);
  let header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  try {
    header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as typeof header;
  } catch {
    return fail("the header is not JSON");
  }
  const { __metadata__: metadata = {}, ...entries } = header;
  const body = bytes.subarray(8 + length);
  const tensors = Object.entries(entries).map(([name, { dtype: code, shape, data_offsets }]) => {
    const dtype = Object.keys(codes).find((key) => codes[key as DType] === code) as Exclude<DType, "string"> | undefined;
    if (!dtype) return fail(`tensor "${name}" is of the unknown type ${code}`);
    const [from, to] = data_offsets;
    if (!(from >= 0 && to <= body.length && to - from === sizeOf(shape) * bytesOf(dtype))) fail(`tensor "${name}" lies outside the file`);
    return [name, tensor(dtype, viewBytes(dtype, body.subarray(from, to)), shape)] as const;
  });
  return { tensors: Object.fromEntries(tensors), metadata: metadata as unknown as Record<string, string> };
}
