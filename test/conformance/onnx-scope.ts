/** Which of the ONNX project's node tests lie outside what Gradus sets out to cover, and why. */
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType, type GraphProto, type NodeProto, type TypeProto } from "../../src/onnx/onnx_pb.ts";

interface Contents {
  readonly nodes: readonly NodeProto[];
  readonly types: readonly TypeProto[];
}

const rules: readonly (readonly [string, (contents: Contents) => boolean])[] = [
  ["operators of training (ai.onnx.preview.training)", ({ nodes }) => nodes.some(({ domain }) => domain.includes("training"))],
  ["quantisation", ({ nodes }) => nodes.some(({ opType }) => /quantize|QLinear|Integer$/i.test(opType))],
  ["sequences", of(/Sequence(?!Lens)/, "sequenceType", ["ReverseSequence"])],
  ["optionals", of(/^Optional/, "optionalType")],
  ["control flow (If, Loop, Scan)", ({ nodes }) => nodes.some(({ opType }) => ["If", "Loop", "Scan"].includes(opType))],
  ["strings", ({ nodes, types }) => types.some(isString) || nodes.some(({ opType }) => opType.startsWith("String"))],
];

function of(operator: RegExp, kind: TypeProto["value"]["case"], others: readonly string[] = []) {
  return ({ nodes, types }: Contents) =>
    types.some(({ value }) => value.case === kind) || nodes.some(({ opType }) => operator.test(opType) && !others.includes(opType));
}

function isString({ value }: TypeProto): boolean {
  return value.case === "tensorType" && value.value.elemType === (TensorProto_DataType.STRING as number);
}

/** Why a model is outside, by its operators, those of bodies too, and the types it takes and gives; undefined where it is not. */
export function outsideScope(bytes: Uint8Array): string | undefined {
  const graph = fromBinary(ModelProtoSchema, bytes).graph!;
  const contents = {
    nodes: nodesIn(graph),
    types: [...graph.input, ...graph.output].flatMap(({ type }) => (type ? [type] : [])),
  };
  return rules.find(([, holds]) => holds(contents))?.[0];
}

function nodesIn({ node }: GraphProto): NodeProto[] {
  return node.flatMap((one) => [one, ...one.attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs].flatMap(nodesIn))]);
}
