/** GraphProto as graph: names become values, nodes are built (and so checked) by the operators' own inference. */
import { constant, dependencies, input, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";
import { unknownDim, type Shape } from "../ir/shape.ts";
import { applyOp, opRecord } from "../ops/build.ts";
import type { AttributeKind } from "../ops/op.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { adaptInputs, foldConstant } from "./adapt.ts";
import {
  AttributeProto_AttributeType as Kind,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from "./onnx_pb.ts";
import { dtypeOf, readTensor } from "./tensor-proto.ts";

/** Names of one graph; what is not found here is asked of the enclosing graph, and is then a capture. */
interface Scope {
  readonly outer: Scope | undefined;
  readonly values: Map<string, Value>;
  readonly captures: Set<Value>;
}

/** @param outer names of the enclosing graph, for a body */
export function readGraph(proto: GraphProto, outer?: Scope): Graph {
  if (proto.sparseInitializer.length > 0) throw new GradusError("the model has sparse initializers, which Gradus does not take");
  const scope: Scope = { outer, values: new Map(), captures: new Set() };
  for (const tensor of proto.initializer)
    define(scope, tensor.name, constant(readTensor(tensor, `initializer "${tensor.name}"`), tensor.name));
  // Files of IR version 3 list initializers among the inputs as well.
  const inputs = proto.input.filter(({ name }) => !scope.values.has(name)).map(readInput);
  for (const value of inputs) define(scope, value.name!, value);
  const nodes = proto.node.flatMap((node, index) => readNode(node, index, scope));
  const outputs = proto.output.map((info) => {
    const value = find(scope, info.name, "the graph's outputs name");
    const { dtype } = typeOf(info, `output "${info.name}"`) ?? value;
    if (dtype !== value.dtype) throw new GradusError(`output "${info.name}" is declared ${dtype}, its node makes ${value.dtype}`);
    return { name: info.name, value };
  });
  if (outputs.length === 0) throw new GradusError("the model has no outputs");
  if (new Set(outputs.map(({ name }) => name)).size < outputs.length) throw new GradusError("two outputs of the model have one name");
  const kept = needed(
    nodes,
    outputs.map(({ value }) => value),
  );
  return Object.freeze({ inputs, outputs, nodes: kept, captures: [...scope.captures] });
}

/** The nodes that outputs depend on, in the file's order. */
function needed(nodes: readonly Node[], outputs: readonly Value[]): Node[] {
  const read = new Set(outputs);
  const kept = nodes.toReversed().filter((node) => {
    if (!node.outputs.some((value) => read.has(value))) return false;
    for (const value of dependencies(node)) read.add(value);
    return true;
  });
  return kept.reverse();
}

function define(scope: Scope, name: string, value: Value): void {
  if (name === "") throw new GradusError("the model has a value without a name");
  if (scope.values.has(name)) throw new GradusError(`"${name}" is made twice in the model`);
  scope.values.set(name, value);
}

function find(scope: Scope, name: string, who: string): Value {
  const own = scope.values.get(name);
  if (own) return own;
  if (!scope.outer)
    throw new GradusError(`${who} "${name}", which nothing before makes`, { hint: didYouMean(name, [...scope.values.keys()], "names") });
  const captured = find(scope.outer, name, who);
  if (captured.origin.kind !== "constant") scope.captures.add(captured);
  return captured;
}

function readNode(proto: NodeProto, index: number, scope: Scope): Node[] {
  const called = `node ${index} (${proto.opType}${proto.name && proto.name !== proto.output[0] ? ` "${proto.name}"` : ""})`;
  if (proto.opType === "Constant") {
    define(scope, proto.output[0] ?? "", constant(foldConstant(proto.attribute), proto.output[0]!));
    return [];
  }
  const inputs = proto.input.map((name) => (name === "" ? null : find(scope, name, `${called} reads`)));
  let node: Node;
  try {
    node = applyOp(proto.opType, adaptInputs(proto, inputs), readAttributes(proto, scope));
  } catch (error) {
    if (error instanceof GradusError)
      throw new GradusError(`${called}: ${error.message}`, { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) });
    throw error;
  }
  if (proto.output.length > node.outputs.length) {
    throw new GradusError(`${called} names ${proto.output.length} outputs, the operator makes ${node.outputs.length} here`);
  }
  proto.output.forEach((name, i) => {
    if (name !== "") define(scope, name, node.outputs[i]!);
  });
  return [node];
}

function readInput(info: ValueInfoProto): Value {
  const type = typeOf(info, `input "${info.name}"`);
  if (!type?.shape) throw new GradusError(`input "${info.name}" has no ${type ? "shape" : "type"}`);
  return input(info.name, type.dtype, type.shape);
}

/** Undefined where the file says no type, as it may of what bodies return. */
function typeOf(info: ValueInfoProto, what: string): { dtype: Value["dtype"]; shape: Shape | undefined } | undefined {
  const type = info.type?.value;
  if (type?.case === undefined) return undefined;
  if (type.case !== "tensorType") throw new GradusError(`${what} is of ${type.case.replace(/Type$/, " type")}; Gradus takes tensors`);
  if (type.value.elemType === 0) return undefined;
  const shape = type.value.shape?.dim.map(({ value: dim }) => {
    if (dim.case === "dimValue" && dim.value >= 0n) return Number(dim.value);
    return dim.case === "dimParam" && dim.value !== "" && !dim.value.startsWith("?") ? dim.value : unknownDim();
  });
  return { dtype: dtypeOf(type.value.elemType, what), shape };
}

function readAttributes(node: NodeProto, scope: Scope): Record<string, Attribute> {
  const kinds = (opRecord(node.opType).attributes ?? {}) as Readonly<Record<string, AttributeKind>>;
  return Object.fromEntries(
    node.attribute.map((attribute) => {
      const kind = kinds[attribute.name];
      // An attribute that the operator has not is left to the builder to refuse.
      return [attribute.name, kind ? readAttribute(attribute, kind, scope) : 0];
    }),
  );
}

const kindsInFile: Readonly<Record<AttributeKind, Kind>> = {
  int: Kind.INT,
  dtype: Kind.INT,
  float: Kind.FLOAT,
  string: Kind.STRING,
  ints: Kind.INTS,
  floats: Kind.FLOATS,
  strings: Kind.STRINGS,
  tensor: Kind.TENSOR,
  graph: Kind.GRAPH,
};

function readAttribute(attribute: AttributeProto, kind: AttributeKind, scope: Scope): Attribute {
  const what = `attribute "${attribute.name}"`;
  if (attribute.type !== kindsInFile[kind]) throw new GradusError(`${what} must be ${kind}, the file has type ${attribute.type}`);
  const text = new TextDecoder();
  switch (kind) {
    case "int":
      return Number(attribute.i);
    case "dtype":
      return dtypeOf(Number(attribute.i), what);
    case "float":
      return attribute.f;
    case "string":
      return text.decode(attribute.s);
    case "ints":
      return attribute.ints.map(Number);
    case "floats":
      return attribute.floats;
    case "strings":
      return attribute.strings.map((item) => text.decode(item));
    case "tensor":
      if (!attribute.t) throw new GradusError(`${what} is empty`);
      return readTensor(attribute.t, what);
    case "graph":
      if (!attribute.g) throw new GradusError(`${what} is empty`);
      return readGraph(attribute.g, scope);
  }
}
