/** A checkpoint as bytes: safetensors, the vectors as tensors, the rest as JSON in its metadata, with a SHA-256 over all of it. */
import { createHash } from "node:crypto";
import type { DType } from "../ir/dtype.ts";
import { tensor, type NumericArray, type Tensor } from "../ir/tensor.ts";
import { readSafetensors, writeSafetensors } from "../nn/safetensors.ts";
import type { TrainingState } from "../train/state.ts";
import { GradusError } from "../util/errors.ts";

const dtypes: readonly (readonly [new (...arguments_: never[]) => NumericArray, Exclude<DType, "string">])[] = [
  [Float32Array, "float32"],
  [Float64Array, "float64"],
  [Int32Array, "int32"],
  [Uint8Array, "uint8"],
  [Int8Array, "int8"],
  [Uint16Array, "uint16"],
  [Int16Array, "int16"],
  [Uint32Array, "uint32"],
];

/** The place of the digest while it is computed. */
const blank = "0".repeat(64);
const digestAt = /"sha256":"([0-9a-f]{64})"/;

/** Equal vectors are written once. JSON has no NaN and no infinity: these are written by name. */
export function encodeCheckpoint(state: TrainingState): Uint8Array {
  const tensors: Record<string, Tensor> = {};
  const names = new Map<NumericArray, string>();
  const plain = (value: unknown, path: string): unknown => {
    if (typeof value === "number" && !Number.isFinite(value)) return { $number: String(value) };
    if (typeof value !== "object" || value === null) return value;
    const dtype = dtypes.find(([type]) => value instanceof type)?.[1];
    if (dtype) {
      const vector = value as NumericArray;
      const name = names.get(vector) ?? path;
      names.set(vector, name);
      tensors[name] = tensor(dtype, vector, [vector.length]);
      return { $tensor: name };
    }
    if (Array.isArray(value)) return value.map((entry, i) => plain(entry, `${path}/${i}`));
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry, path === "" ? key : `${path}/${key}`)]));
  };
  const json = JSON.stringify(plain(state, ""));
  const bytes = writeSafetensors(tensors, { sha256: blank, gradus: "checkpoint", state: json });
  bytes.set(Buffer.from(createHash("sha256").update(bytes).digest("hex")), placeOf(bytes));
  return bytes;
}

/** @throws GradusError where the bytes are not those that were written */
export function decodeCheckpoint(bytes: Uint8Array): TrainingState {
  const at = placeOf(bytes);
  const digest = Buffer.from(bytes.subarray(at, at + 64)).toString("latin1");
  const hash = createHash("sha256")
    .update(bytes.subarray(0, at))
    .update(blank)
    .update(bytes.subarray(at + 64));
  if (hash.digest("hex") !== digest) throw new GradusError("its checksum is wrong");
  const { tensors, metadata } = readSafetensors(bytes);
  return JSON.parse(metadata["state"]!, (_, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    const { $tensor, $number } = value as { readonly $tensor?: string; readonly $number?: string };
    if ($number !== undefined) return Number($number);
    return $tensor === undefined ? value : tensors[$tensor]!.data;
  }) as TrainingState;
}

/** Where the digest stands: in the first bytes of the header. @throws GradusError where there is none */
function placeOf(bytes: Uint8Array): number {
  const found = digestAt.exec(Buffer.from(bytes.subarray(0, 256)).toString("latin1"));
  if (!found) throw new GradusError(bytes.length === 0 ? "it is empty" : "it has no checksum");
  return found.index + '"sha256":"'.length;
}
