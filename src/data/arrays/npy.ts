/** NumPy's .npy: a magic string, a version, a header in Python's notation (`descr`, `fortran_order`, `shape`), the numbers. */
import { GradusError } from "../../util/errors.ts";
import { halfToNumber } from "../../ir/half.ts";
import { grouped } from "../table.ts";
import { spokenBytes, type NdArray } from "./array.ts";

const MAGIC = "\x93NUMPY";
const LONGEST_HEADER = 65_536;

type ReadNumber = (view: DataView, at: number, little: boolean) => number;

const NUMBERS: Readonly<Record<string, readonly [bytes: number, read: ReadNumber]>> = {
  b1: [1, (view, at) => view.getUint8(at)],
  u1: [1, (view, at) => view.getUint8(at)],
  i1: [1, (view, at) => view.getInt8(at)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  u8: [8, (view, at, little) => Number(view.getBigUint64(at, little))],
  i8: [8, (view, at, little) => Number(view.getBigInt64(at, little))],
  f2: [2, (view, at, little) => halfToNumber(view.getUint16(at, little))],
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
};

/** Whether bytes begin as a .npy file does. */
export const isNpy = (head: Uint8Array): boolean => latin(head.subarray(0, 6)) === MAGIC;

const latin = (bytes: Uint8Array): string => new TextDecoder("latin1").decode(bytes);

interface Header {
  readonly descr: string;
  readonly fortran: boolean;
  readonly shape: readonly number[];
  /** Where the numbers begin. */
  readonly start: number;
}

/**
 * An array from the bytes of a .npy file.
 * @param shown the file, and in an archive the array, for messages
 * @throws GradusError on a damaged header, pickled objects (which would run code), other kinds of values, fewer or more bytes than announced
 */
export function parseNpy(shown: string, bytes: Uint8Array): NdArray {
  const { descr, fortran, shape, start } = parseHeader(shown, bytes);
  const [, order = "|", kind = ""] = /^([<>|=])?(.*)$/.exec(descr) ?? [];
  const refuse = (what: string, hint: string): never => {
    throw new GradusError(`${shown} holds ${what} (${descr}); numbers or texts were expected.`, { hint });
  };
  if (kind.startsWith("O"))
    refuse("pickled Python objects, which run code when they are read", "save it as numbers or texts: array.astype(float) or astype(str)");
  if (/^[mM]8/.test(kind)) refuse("dates or durations of NumPy", "save seconds as numbers, or write a CSV file");
  if (kind.startsWith("c")) refuse("complex numbers", "save the real and the imaginary part as two arrays");
  const text = /^([US])(\d+)$/.exec(kind);
  const number = NUMBERS[kind];
  if (!number && !text) refuse("values that are neither", "save it with another dtype");
  const width = number ? number[0] : Number(text![2]) * (text![1] === "U" ? 4 : 1);
  const count = shape.reduce((a, b) => a * b, 1);
  const [announced, held] = [count * width, bytes.length - start];
  if (announced !== held)
    throw new GradusError(
      `${shown} announces an array of shape [${shape.join(", ")}] (${spokenBytes(announced)}) and holds ${spokenBytes(held)}${held < announced ? "" : ", more than that"}.`,
      { hint: "it is cut off or damaged: save it again." },
    );
  const data = bytes.subarray(start);
  const little = order !== ">";
  if (text) {
    const texts = Array.from({ length: count }, (_, i) => textAt(data.subarray(i * width, (i + 1) * width), text[1] === "U", little));
    return { shape, values: fortran ? rowMajor(texts, shape, Array.from<string>({ length: count })) : texts };
  }
  if (kind === "u1") return { shape, values: fortran ? rowMajor(data, shape, new Uint8Array(count)) : data };
  const values = numbersOf(data, count, kind, little);
  const inexact = kind.endsWith("8") && !kind.startsWith("f") ? values.findIndex((value) => Math.abs(value) > 2 ** 53) : -1;
  if (inexact >= 0)
    refuse(
      `whole numbers beyond 2⁵³, the first ${values[inexact]}`,
      "save it as texts: array.astype(str), or as float64 if it may be rounded",
    );
  return { shape, values: fortran ? rowMajor(values, shape, new Float64Array(count)) : values };
}

function numbersOf(data: Uint8Array, count: number, kind: string, little: boolean): Float64Array {
  const [width, read] = NUMBERS[kind]!;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = read(view, i * width, little);
  return values;
}

function textAt(bytes: Uint8Array, wide: boolean, little: boolean): string {
  if (!wide) return latin(bytes).replace(/\0+$/, "");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at < bytes.length; at += 4) {
    const code = view.getUint32(at, little);
    text += code <= 0x10_ffff ? String.fromCodePoint(code) : "\ufffd";
  }
  return text.replace(/\0+$/, "");
}

/** Column-major values in row-major order: element (i₀, i₁, …) stands at i₀ + n₀·(i₁ + n₁·(…)). */
function rowMajor<A extends Uint8Array | Float64Array | string[]>(from: A, shape: readonly number[], into: A): A {
  const rank = shape.length;
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((a, b) => a * b, 1));
  const index = shape.map(() => 0);
  let at = 0;
  for (let i = 0; i < from.length; i++) {
    into[i] = from[at]!;
    for (let axis = rank - 1; axis >= 0; axis--) {
      at += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      at -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return into;
}

function parseHeader(shown: string, bytes: Uint8Array): Header {
  const damaged = (what: string): never => {
    throw new GradusError(`${shown} is no whole .npy array: ${what}.`, { hint: "it is cut off or damaged: save it again." });
  };
  if (!isNpy(bytes)) damaged("it does not begin with \\x93NUMPY");
  if (bytes.length < 12) damaged("it ends inside the header");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const long = bytes[6]! >= 2;
  const [from, length] = long ? [12, view.getUint32(8, true)] : [10, view.getUint16(8, true)];
  if (bytes[6]! < 1 || bytes[6]! > 3) damaged(`its version is ${bytes[6]}, 1 to 3 were expected`);
  if (length > LONGEST_HEADER) damaged(`its header is said to be ${grouped(length)} bytes long`);
  if (from + length > bytes.length) damaged("it ends inside the header");
  const text = new TextDecoder(bytes[6] === 3 ? "utf-8" : "latin1").decode(bytes.subarray(from, from + length));
  const descr = /'descr'\s*:\s*(?:'([^']*)'|(\[))/.exec(text);
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(text);
  const shape = /'shape'\s*:\s*\(([\d\s,L]*)\)/.exec(text);
  if (!descr || !fortran || !shape) return damaged("its header does not say descr, fortran_order and shape");
  if (descr[2])
    throw new GradusError(`${shown} is a structured array, of several fields a row; one kind of value was expected.`, {
      hint: "save each field as an array of its own: numpy.savez, or write a CSV file",
    });
  const sizes = shape[1]!.split(",").map((size) => size.replace("L", "").trim());
  const known = sizes.filter((size) => size !== "").map(Number);
  if (known.some((size) => !Number.isSafeInteger(size))) damaged(`its shape is (${shape[1]})`);
  return { descr: descr[1]!, fortran: fortran[1] === "True", shape: known, start: from + length };
}
