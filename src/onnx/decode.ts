/**
 * Bytes as a protobuf message, weighed before anything is made of them: a walk over the wire format, which allocates nothing, counts
 * what decoding would make, so that a file of a few megabytes cannot ask for gigabytes.
 */
import { fromBinary, ScalarType, type DescField, type DescMessage } from "@bufbuild/protobuf";
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { ModelProtoSchema, type ModelProto } from "./onnx_pb.ts";

export const limits = {
  /** Messages, texts and byte strings in a file: about 100 000 nodes with their attributes. */
  items: 500_000,
  /** Bytes that the whole numbers of typed fields take once decoded (8 each, 32 for those of 64 bits). */
  numbers: 2 ** 30,
  /** Messages inside each other; a body in a body costs three. */
  depth: 64,
  /** Bytes of a name. */
  name: 4096,
  /** Newest version of the file format that is known. */
  irVersion: 13n,
} as const;

/** Text that may be long: documentation and metadata. */
const longTexts = new Set(["doc_string", "value"]);

/**
 * @throws GradusError where the bytes are no ONNX model, are cut off, or ask for more than the limits
 */
export function decodeModel(bytes: Uint8Array): ModelProto {
  let model: ModelProto | undefined;
  let cause: unknown;
  try {
    weigh(bytes);
    model = fromBinary(ModelProtoSchema, bytes, { readUnknownFields: false });
  } catch (error) {
    cause = error;
  }
  const reason = cause instanceof GradusError ? `: ${cause.message}` : "";
  if (!model?.graph || model.irVersion < 1n || model.opsetImport.length === 0) {
    throw new GradusError(`not an ONNX model (${bytes.length} bytes)${reason}`, {
      hint: cause instanceof GradusError && cause.hint ? cause.hint : "an ONNX model is a protobuf file, usually called model.onnx",
      ...(cause === undefined ? {} : { cause }),
    });
  }
  if (model.irVersion > limits.irVersion) {
    throw new GradusError(`the file is of IR version ${model.irVersion}; the newest known here is ${limits.irVersion}`);
  }
  return model;
}

interface Totals {
  items: number;
  numbers: number;
}

interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
}

function weigh(bytes: Uint8Array): void {
  walkMessage({ bytes, at: 0 }, bytes.length, ModelProtoSchema, "model", 1, { items: 0, numbers: 0 });
}

function walkMessage(cursor: Cursor, end: number, message: DescMessage, where: string, depth: number, totals: Totals): void {
  if (depth > limits.depth) throw new GradusError(`${where} lies ${depth} levels deep, the limit is ${limits.depth}`);
  const fields = fieldsOf(message);
  while (cursor.at < end) {
    const tag = varint(cursor, end);
    const number = Math.floor(tag / 8);
    const field = fields.get(number);
    const wire = tag % 8;
    if (wire === 0) {
      varint(cursor, end);
      if (field) addNumbers(totals, field, 1);
    } else if (wire === 1 || wire === 5) skip(cursor, wire === 1 ? 8 : 4, end, where);
    else if (wire === 2) {
      const length = varint(cursor, end);
      const place = field ? `${where}.${field.name}` : where;
      if (length > end - cursor.at)
        throw new GradusError(`${place} announces ${length} bytes, ${end - cursor.at} are left`, {
          hint: "the file is cut off or corrupt",
        });
      const after = cursor.at + length;
      if (field) walkField(cursor, after, field, place, depth, totals);
      cursor.at = after;
    } else throw new GradusError(`byte ${cursor.at} of the file is no protobuf`);
  }
}

/** What a field of known length holds. */
function walkField(cursor: Cursor, end: number, field: DescField, where: string, depth: number, totals: Totals): void {
  const inner = field.message;
  const scalar = field.scalar;
  if (inner || scalar === ScalarType.STRING || scalar === ScalarType.BYTES) {
    if (++totals.items > limits.items) throw new GradusError(`the file has more than ${limits.items} parts (nodes, attributes, names)`);
  }
  if (inner) walkMessage(cursor, end, inner, where, depth + 1, totals);
  else if (scalar === ScalarType.STRING) checkText(cursor.bytes.subarray(cursor.at, end), field, where);
  else if (scalar !== ScalarType.BYTES) addNumbers(totals, field, end - cursor.at);
}

/** Whole numbers of a list; those of fixed width take little more than their bytes, so they are not counted. */
function addNumbers(totals: Totals, field: DescField, count: number): void {
  if (field.fieldKind !== "list") return;
  const { scalar } = field;
  if (scalar === ScalarType.FLOAT || scalar === ScalarType.DOUBLE) return;
  totals.numbers += count * (scalar === ScalarType.INT64 || scalar === ScalarType.UINT64 ? 32 : 8);
  if (totals.numbers > limits.numbers) {
    throw new GradusError(`the file lists more whole numbers than the limit allows (${limits.numbers} bytes of them)`, {
      hint: "large tensors belong in raw_data",
    });
  }
}

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function checkText(bytes: Uint8Array, field: DescField, where: string): void {
  const isLong = longTexts.has(field.name);
  if (!isLong && bytes.length > limits.name)
    throw new GradusError(`${where} is a name of ${bytes.length} bytes; ${limits.name} are allowed`);
  if (!isAscii(bytes)) decodeText(bytes, where);
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! > 127) return false;
  return true;
}

/** Bytes of the file as text. @throws GradusError where they are not UTF-8 */
export function decodeText(bytes: Uint8Array, what: string): string {
  try {
    return strict.decode(bytes);
  } catch (cause) {
    throw new GradusError(`${what} is not text (UTF-8)`, { cause });
  }
}

function skip(cursor: Cursor, length: number, end: number, where: string): void {
  if (length > end - cursor.at) throw new GradusError(`${where} is cut off`);
  cursor.at += length;
}

/** A number of up to ten bytes; beyond 2^53 only its size matters, which is right to a few digits. */
function varint(cursor: Cursor, end: number): number {
  const { bytes } = cursor;
  let value = 0;
  let scale = 1;
  for (let i = 0; i < 10; i++) {
    if (cursor.at >= end) throw new GradusError("the file is cut off in a number");
    const byte = bytes[cursor.at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) return value;
    scale *= 128;
  }
  throw new GradusError(`byte ${cursor.at} of the file is no protobuf`);
}

const known = new WeakMap<DescMessage, ReadonlyMap<number, DescField>>();

function fieldsOf(message: DescMessage): ReadonlyMap<number, DescField> {
  let fields = known.get(message);
  if (!fields) known.set(message, (fields = new Map(message.fields.map((field) => [field.number, field]))));
  return fields;
}

/** A name from a file as messages show it: printable, and not longer than a line. */
export function shown(name: string): string {
  return printable(name.length > 80 ? `${name.slice(0, 77)}…` : name);
}
