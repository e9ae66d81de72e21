/** Host tensors as ONNX's TensorProto and back. */
import { create } from "@bufbuild/protobuf";
import { bytesOf, type DType } from "../ir/dtype.ts";
import { formatShape, sizeOf } from "../ir/shape.ts";
import { viewBytes, zeros, type NumericArray, type Tensor, type TensorData } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { decodeText, shown } from "./decode.ts";
import { TensorProto_DataLocation, TensorProto_DataType as Code, TensorProtoSchema, type TensorProto } from "./onnx_pb.ts";

const codes: Readonly<Record<DType, Code>> = {
  float32: Code.FLOAT,
  float64: Code.DOUBLE,
  float16: Code.FLOAT16,
  int8: Code.INT8,
  int16: Code.INT16,
  int32: Code.INT32,
  int64: Code.INT64,
  uint8: Code.UINT8,
  uint16: Code.UINT16,
  uint32: Code.UINT32,
  uint64: Code.UINT64,
  bool: Code.BOOL,
  string: Code.STRING,
};

const dtypesByCode = new Map<number, DType>(Object.entries(codes).map(([dtype, code]) => [code, dtype as DType]));
const codeNames = new Map<number, string>(Object.entries(Code).map(([name, code]) => [code, name]));

/** ONNX's number for a dtype. */
export function codeOf(dtype: DType): Code {
  return codes[dtype];
}

/** @throws GradusError for an element type that is not ours (bfloat16, complex) */
export function dtypeOf(code: number, what: string): DType {
  const dtype = dtypesByCode.get(code);
  if (code === 0) throw new GradusError(`${what} has no element type`);
  if (!dtype) throw new GradusError(`${what} has element type ${codeNames.get(code)?.toLowerCase() ?? code}, which Gradus does not take`);
  return dtype;
}

/** Numbers go into raw_data, little-endian; a tensor without elements has no data field, as the checker demands. */
export function writeTensor({ dtype, shape, data }: Tensor, name?: string): TensorProto {
  const proto = create(TensorProtoSchema, { dims: shape.map(BigInt), dataType: codes[dtype] });
  if (name !== undefined) proto.name = name;
  if (dtype === "string") {
    const encoder = new TextEncoder();
    proto.stringData = (data as readonly string[]).map((text) => encoder.encode(text));
  } else if (data.length > 0) {
    const { buffer, byteOffset, byteLength } = data as NumericArray;
    proto.rawData = new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  }
  return proto;
}

/** Elements that a tensor may have at most, empty axes left aside: more than any machine holds. */
const mostElements = 2 ** 40;
const mostAxes = 64;

/**
 * A shape of a file, checked. @throws GradusError where it is negative, or beyond any memory
 * @param shape sizes, and names, which count as 1
 */
export function checkShape(shape: readonly (number | string)[], what: string): void {
  const sizes = shape.filter((dim) => typeof dim === "number");
  const product = sizes.reduce((all, dim) => all * Math.max(dim, 1), 1);
  if (shape.length > mostAxes) throw new GradusError(`${what} has ${shape.length} axes; ${mostAxes} are allowed`);
  if (!sizes.every((dim) => Number.isSafeInteger(dim) && dim >= 0) || product > mostElements) {
    throw new GradusError(`${what} has shape ${formatShape(shape)}, which no memory holds`);
  }
}

/** Bytes of a file beside the model: `location` as the model names it, checked to lie in the model's folder. */
export type ExternalReader = (part: { readonly location: string; readonly offset: number; readonly length: number }) => Uint8Array;

/**
 * A tensor of any of ONNX's data fields, its elements copied out of the file.
 * @param external reads data that lies in another file
 * @throws GradusError where there is no such reader, or the data does not fill the shape
 */
export function readTensor(proto: TensorProto, what = `tensor "${shown(proto.name)}"`, external?: ExternalReader): Tensor {
  const dtype = dtypeOf(proto.dataType, what);
  const shape = proto.dims.map(Number);
  checkShape(shape, what);
  const size = sizeOf(shape);
  const isExternal = proto.dataLocation === TensorProto_DataLocation.EXTERNAL;
  const data = isExternal ? externalElements(proto, dtype, size, what, external) : elements(proto, dtype, size, what);
  return { dtype, shape, data };
}

function checkCount(found: number, size: number, proto: TensorProto, what: string): void {
  if (found === size) return;
  throw new GradusError(`${what} has shape ${formatShape(proto.dims.map(Number))}, ${size} elements, and data for ${found}`);
}

function elements(proto: TensorProto, dtype: DType, size: number, what: string): TensorData {
  if (dtype === "string") {
    checkCount(proto.stringData.length, size, proto, what);
    return proto.stringData.map((bytes) => decodeText(bytes, what));
  }
  const raw = proto.rawData;
  if (raw.length > 0) {
    checkCount(raw.length / bytesOf(dtype), size, proto, what);
    // A copy by constructor: Node's Buffer has a slice of its own, which is a view.
    return viewBytes(dtype, new Uint8Array(raw));
  }
  const values = typedField(proto, dtype);
  checkCount(values.length, size, proto, what);
  const data = zeros(dtype, values.length) as NumericArray;
  for (let i = 0; i < values.length; i++) data[i] = values[i]!;
  return data;
}

function externalElements(proto: TensorProto, dtype: DType, size: number, what: string, read: ExternalReader | undefined): TensorData {
  const about = `${what} keeps its data in another file`;
  if (!read) {
    throw new GradusError(`${about} ("external data")`, {
      hint: "read the model from its folder, or save it in one file: onnx.save(onnx.load(path), path, save_as_external_data=False)",
    });
  }
  const entry = (key: string) => proto.externalData.find((pair) => pair.key === key)?.value;
  const location = entry("location") ?? "";
  if (!isInside(location)) throw new GradusError(`${about}, "${shown(location)}", which does not lie in the model's folder`);
  if (dtype === "string") throw new GradusError(`${about}, which holds no strings`);
  const expected = size * bytesOf(dtype);
  const offset = wholeNumber(entry("offset") ?? "0");
  const length = wholeNumber(entry("length") ?? String(expected));
  if (length !== expected) throw new GradusError(`${about}: ${entry("length")} bytes for ${expected}`);
  if (offset === undefined) throw new GradusError(`${about} at offset "${shown(entry("offset")!)}"`);
  const bytes = size === 0 ? new Uint8Array() : read({ location, offset, length });
  if (bytes.length !== expected) throw new GradusError(`${about}, which has ${bytes.length} bytes there for ${expected}`);
  return viewBytes(dtype, new Uint8Array(bytes));
}

/** Whether a path leads down from the folder it starts in, on every system. */
function isInside(location: string): boolean {
  return !/^$|^[/\\~]|[\\:\0]/.test(location) && !location.split("/").some((step) => step === ".." || step === "");
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^\d{1,16}$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

/** The typed data field that ONNX prescribes for a dtype; float16 stands there as its bits. */
function typedField(proto: TensorProto, dtype: DType): readonly number[] | readonly bigint[] {
  if (dtype === "float32") return proto.floatData;
  if (dtype === "float64") return proto.doubleData;
  if (dtype === "int64") return proto.int64Data;
  if (dtype === "uint64" || dtype === "uint32") return dtype === "uint64" ? proto.uint64Data : proto.uint64Data.map(Number);
  return proto.int32Data;
}
