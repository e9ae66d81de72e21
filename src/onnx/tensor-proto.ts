/** Host tensors as ONNX's TensorProto and back. */
import { create } from "@bufbuild/protobuf";
import { bytesOf, type DType } from "../ir/dtype.ts";
import { formatShape } from "../ir/shape.ts";
import { viewBytes, zeros, type NumericArray, type Tensor, type TensorData } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
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

/**
 * A tensor of any of ONNX's data fields, its elements copied out of the file.
 * @throws GradusError where it lies in another file, or the data does not fill the shape
 */
export function readTensor(proto: TensorProto, what = `tensor "${proto.name}"`): Tensor {
  const dtype = dtypeOf(proto.dataType, what);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    throw new GradusError(`${what} keeps its data in another file ("external data")`, {
      hint: "save the model in one file: onnx.save(onnx.load(path), path, save_as_external_data=False)",
    });
  }
  const shape = proto.dims.map(Number);
  if (shape.some((dim) => dim < 0)) throw new GradusError(`${what} has shape ${formatShape(shape)}`);
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = elements(proto, dtype);
  if (data.length !== size) throw new GradusError(`${what} has shape ${formatShape(shape)}, ${size} elements, and data for ${data.length}`);
  return { dtype, shape, data };
}

function elements(proto: TensorProto, dtype: DType): TensorData {
  if (dtype === "string") {
    const decoder = new TextDecoder();
    return proto.stringData.map((bytes) => decoder.decode(bytes));
  }
  const raw = proto.rawData;
  // A copy by constructor: Node's Buffer has a slice of its own, which is a view.
  if (raw.length > 0) return viewBytes(dtype, new Uint8Array(raw.subarray(0, raw.length - (raw.length % bytesOf(dtype)))));
  const values = typedField(proto, dtype);
  const data = zeros(dtype, values.length) as NumericArray;
  for (let i = 0; i < values.length; i++) data[i] = values[i]!;
  return data;
}

/** The typed data field that ONNX prescribes for a dtype; float16 stands there as its bits. */
function typedField(proto: TensorProto, dtype: DType): readonly number[] | readonly bigint[] {
  if (dtype === "float32") return proto.floatData;
  if (dtype === "float64") return proto.doubleData;
  if (dtype === "int64") return proto.int64Data;
  if (dtype === "uint64" || dtype === "uint32") return dtype === "uint64" ? proto.uint64Data : proto.uint64Data.map(Number);
  return proto.int32Data;
}
