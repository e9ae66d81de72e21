/**
 * Outputs without copies. onnxruntime-node fills preallocated outputs and then copies each of them into a new buffer as well, for
 * nobody. When the first output fetched is no tensor (here an empty sequence), all outputs are computed and written, and the
 * binding throws before it copies anything. The throw is no documented contract, so it is believed only after a probe has
 * seen it happen, with the outputs filled; where the probe fails, nothing is lost but the saving.
 */
import { create } from "@bufbuild/protobuf";
import type { InferenceSession } from "onnxruntime-common";
import { graph, input } from "../ir/graph.ts";
import {
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TypeProto_SequenceSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type ModelProto,
} from "../onnx/onnx_pb.ts";
import { opsets } from "../onnx/opset.ts";
import { encodeModel, modelProto, namesIn } from "../onnx/write.ts";
import { ops } from "../ops/build.ts";
import type { Runtime } from "./onnxruntime.ts";

/** Name of the output, lengthened where a model has the same. */
const guardName = "gradus guard";
const expected = "Non tensor type is temporarily not supported.";

/** Bytes of outputs from which on the throw (about 10 µs) is cheaper than the copies. */
export const worthwhile = 100_000;

type Feeds = InferenceSession.FeedsType;
type Fetches = Record<string, InferenceSession.NullableOnnxValueMapType[string]>;

/** Makes an empty sequence the first output of a model; returns its name. */
export function addGuard(model: ModelProto): string {
  const part = model.graph!;
  const taken = new Set(namesIn(part));
  let guard = guardName;
  while (taken.has(guard)) guard = `${guard}_`;
  if (!model.opsetImport.some(({ domain }) => domain === "")) {
    model.opsetImport.push(create(OperatorSetIdProtoSchema, { domain: "", version: BigInt(opsets[""]!) }));
  }
  const element = create(TypeProtoSchema, { value: { case: "tensorType", value: create(TypeProto_TensorSchema, { elemType: 1 }) } });
  const type = create(TypeProtoSchema, { value: { case: "sequenceType", value: create(TypeProto_SequenceSchema, { elemType: element }) } });
  part.node.push(create(NodeProtoSchema, { opType: "SequenceEmpty", output: [guard] }));
  part.output.unshift(create(ValueInfoProtoSchema, { name: guard, type }));
  return guard;
}

/** What to fetch so that the guard comes first (its name is no number, which would come before it). */
export function guardFetches(guard: string, fetches: Fetches): Fetches {
  return Object.assign(Object.create(null) as Fetches, { [guard]: null }, fetches);
}

/** Runs with a guard among the fetches; true where the throw came, so that outputs are filled and nothing was copied. */
export async function runGuarded(session: InferenceSession, feeds: Feeds, fetches: Fetches): Promise<boolean> {
  try {
    await session.run(feeds, fetches);
    return false;
  } catch (error) {
    if (error instanceof Error && error.message === expected) return true;
    throw error;
  }
}

const probes = new WeakMap<Runtime, Promise<boolean>>();

/** Whether this runtime throws as it should and has filled the outputs by then; found out once, on a graph of one node. */
export function guardWorks(runtime: Runtime): Promise<boolean> {
  let probe = probes.get(runtime);
  if (!probe) {
    probe = probeGuard(runtime).catch(() => false);
    probes.set(runtime, probe);
  }
  return probe;
}

async function probeGuard(runtime: Runtime): Promise<boolean> {
  const model = modelProto(graph({ outputs: { y: ops.Neg(input("x", "float32", [3])) } }));
  const guard = addGuard(model);
  const session = await runtime.InferenceSession.create(encodeModel(model), { intraOpNumThreads: 1, interOpNumThreads: 1 });
  try {
    const y = new Float32Array(3);
    const feeds = { x: new runtime.Tensor("float32", Float32Array.of(1, -2, 3), [3]) };
    const threw = await runGuarded(session, feeds, guardFetches(guard, { y: new runtime.Tensor("float32", y, [3]) }));
    return threw && y[0] === -1 && y[1] === 2 && y[2] === -3;
  } finally {
    await session.release();
  }
}
