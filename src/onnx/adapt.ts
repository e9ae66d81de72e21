/** Where ONNX lets a node say less, or otherwise, than our operators do. */
import { int64, type Value } from "../ir/graph.ts";
import { normalizeAxis } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import type { AttributeProto, NodeProto } from "./onnx_pb.ts";
import { readTensor } from "./tensor-proto.ts";

type Inputs = readonly (Value | null)[];

/** Inputs of a node as our operator takes them. */
export function adaptInputs(node: NodeProto, inputs: Inputs): Inputs {
  return Object.hasOwn(adaptations, node.opType) ? adaptations[node.opType]!(node, inputs) : inputs;
}

const adaptations: Readonly<Record<string, (node: NodeProto, inputs: Inputs) => Inputs>> = {
  /** Without sizes the parts are equal, as many as the node has outputs. */
  Split: (node, [x, sizes]) => {
    if (!x || sizes) return [x ?? null, sizes ?? null];
    const axis = normalizeAxis(Number(node.attribute.find(({ name }) => name === "axis")?.i ?? 0n), x.shape.length);
    const size = x.shape[axis]!;
    const parts = node.output.length;
    if (typeof size !== "number" || size % parts !== 0) throw new GradusError(`axis ${axis} of size ${size} in ${parts} equal parts`);
    return [x, int64(Array.from({ length: parts }, () => size / parts))];
  },
};

/** The tensor of a Constant node, whichever of its attributes holds it. */
export function foldConstant(attributes: readonly AttributeProto[]): Tensor {
  const [attribute] = attributes;
  const text = new TextDecoder();
  switch (attribute?.name) {
    case "value":
      if (attribute.t) return readTensor(attribute.t, "a Constant");
      break;
    case "value_float":
      return tensor("float32", attribute.f);
    case "value_floats":
      return tensor("float32", attribute.floats);
    case "value_int":
      return tensor("int64", attribute.i);
    case "value_ints":
      return tensor("int64", attribute.ints);
    case "value_string":
      return tensor("string", text.decode(attribute.s));
    case "value_strings":
      return tensor(
        "string",
        attribute.strings.map((item) => text.decode(item)),
      );
  }
  throw new GradusError(`a Constant node holds ${attribute ? `"${attribute.name}"` : "nothing"}, which Gradus does not take`);
}
