/** The ONNX project's node tests: a model, its inputs and the outputs expected, one folder a case. */
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Graph } from "../../src/ir/graph.ts";
import type { Tensor } from "../../src/ir/tensor.ts";
import { toNdArray } from "../../src/exec/reference.ts";
import type { Tensors } from "../../src/exec/session.ts";
import { ModelProtoSchema, TensorProto_DataType, TensorProtoSchema } from "../../src/onnx/onnx_pb.ts";
import { readModel } from "../../src/onnx/read.ts";
import { readTensor, writeTensor } from "../../src/onnx/tensor-proto.ts";
import { GradusError } from "../../src/util/errors.ts";
import { outsideScope } from "./onnx-scope.ts";

export interface DataCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly graph: Graph;
  /** Inputs that Gradus must know when it builds the graph (axes, shapes), given to it as constants. */
  readonly frozen: readonly string[];
  readonly sets: readonly { readonly feeds: Tensors; readonly expected: Tensors }[];
}

/** The cases whose model reads, for the others why it does not, and of all those outside Gradus' scope why they are. */
export function loadCases(folder: string): { cases: DataCase[]; refused: Map<string, string>; outside: Map<string, string> } {
  const cases: DataCase[] = [];
  const refused = new Map<string, string>();
  const outside = new Map<string, string>();
  for (const name of readdirSync(folder).sort()) {
    const path = join(folder, name);
    if (!existsSync(join(path, "model.onnx"))) continue;
    const reason = outsideScope(readFileSync(join(path, "model.onnx")));
    if (reason) outside.set(name, reason);
    try {
      cases.push(loadCase(name, path));
    } catch (error) {
      if (!(error instanceof GradusError)) throw error;
      refused.set(name, error.message);
    }
  }
  return { cases, refused, outside };
}

function loadCase(name: string, path: string): DataCase {
  const bytes = new Uint8Array(readFileSync(join(path, "model.onnx")));
  const folders = readdirSync(path)
    .filter((entry) => entry.startsWith("test_data_set_"))
    .sort()
    .map((entry) => join(path, entry));
  const inputNames = fromBinary(ModelProtoSchema, bytes).graph!.input.map((info) => info.name);
  const { graph, frozen } = readOrFreeze(bytes, folders[0]!, inputNames);
  const sets = folders.map((folder) => ({
    feeds: omit(loadTensors(folder, "input", inputNames), frozen),
    expected: loadTensors(
      folder,
      "output",
      graph.outputs.map((output) => output.name),
    ),
  }));
  return { name, bytes, graph, frozen, sets };
}

/** Where a graph cannot be built without the values of integer inputs, they become initializers. */
function readOrFreeze(bytes: Uint8Array, folder: string, names: readonly string[]): { graph: Graph; frozen: string[] } {
  try {
    return { graph: readModel(bytes).graph, frozen: [] };
  } catch (error) {
    if (!(error instanceof GradusError) || !/must be known when the graph is built|of known length/.test(error.message)) throw error;
    const model = fromBinary(ModelProtoSchema, bytes);
    const frozen = names.flatMap((name, i) => {
      const proto = fromBinary(TensorProtoSchema, readFileSync(join(folder, `input_${i}.pb`)));
      if (proto.dataType !== TensorProto_DataType.INT64) return [];
      model.graph!.initializer.push(writeTensor(readTensor(proto), name));
      return [name];
    });
    if (frozen.length === 0) throw error;
    return { graph: readModel(toBinary(ModelProtoSchema, model)).graph, frozen };
  }
}

const omit = (tensors: Tensors, names: readonly string[]): Tensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => !names.includes(name)));

function loadTensors(folder: string, kind: "input" | "output", names: readonly string[]): Tensors {
  return Object.fromEntries(
    names.map((name, i) => [name, readTensor(fromBinary(TensorProtoSchema, readFileSync(join(folder, `${kind}_${i}.pb`))))]),
  );
}

const relative = 1e-3;
const absolute = 1e-7;

/** The first difference beyond the tolerance of ONNX's own runner, in words; undefined where there is none. */
export function difference(results: Tensors, expected: Tensors): string | undefined {
  for (const [name, wanted] of Object.entries(expected)) {
    const found = results[name];
    if (!found) return `${name} is missing`;
    const type = ({ dtype, shape }: Tensor) => `${dtype}[${shape.join(", ")}]`;
    if (type(found) !== type(wanted)) return `${name} is ${type(found)}, expected ${type(wanted)}`;
    const a = toNdArray(found).data;
    const b = toNdArray(wanted).data;
    for (let i = 0; i < b.length; i++) {
      if (!close(a[i]!, b[i]!)) return `${name}[${i}] is ${a[i]}, expected ${b[i]}`;
    }
  }
  return undefined;
}

function close(a: number | string, b: number | string): boolean {
  if (typeof a === "string" || typeof b === "string") return a === b;
  return Object.is(a, b) || a === b || Math.abs(a - b) <= absolute + relative * Math.abs(b);
}
