/** Constant nodes, whose value may stand in any of seven attributes. */
import { tensor, type Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { decodeText, shown } from "./decode.ts";
import type { AttributeProto } from "./onnx_pb.ts";
import { readTensor, type ExternalReader } from "./tensor-proto.ts";

/** The tensor of a Constant node, whichever of its attributes holds it. */
export function foldConstant(attributes: readonly AttributeProto[], external?: ExternalReader): Tensor {
  const [attribute] = attributes;
  const what = "a Constant";
  switch (attribute?.name) {
    case "value":
      if (attribute.t) return readTensor(attribute.t, what, external);
      break;
    case "value_float":
      return tensor("float32", attribute.f);
    case "value_floats":
      return tensor("float32", attribute.floats, [attribute.floats.length]);
    case "value_int":
      return tensor("int64", BigInt64Array.of(attribute.i), []);
    case "value_ints":
      return tensor("int64", BigInt64Array.from(attribute.ints));
    case "value_string":
      return tensor("string", decodeText(attribute.s, what));
    case "value_strings": {
      const texts = attribute.strings.map((item) => decodeText(item, what));
      return tensor("string", texts, [texts.length]);
    }
  }
  throw new GradusError(`a Constant node holds ${attribute ? `"${shown(attribute.name)}"` : "nothing"}, which Gradus does not take`);
}
