/** Element types of tensors, under ONNX Runtime's names. */

export const dtypes = [
  "float32",
  "float64",
  "float16",
  "int8",
  "int16",
  "int32",
  "int64",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "bool",
  "string",
] as const;

export type DType = (typeof dtypes)[number];

/** Element types a gradient may have. */
export function isFloat(dtype: DType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16";
}

export function isInteger(dtype: DType): boolean {
  return dtype.startsWith("int") || dtype.startsWith("uint");
}

/** Bytes one element takes in a typed array; strings have no fixed size. */
export function bytesOf(dtype: DType): number {
  if (dtype === "string") return 0;
  if (dtype === "bool") return 1;
  return Number(/\d+$/.exec(dtype)?.[0]) / 8;
}
