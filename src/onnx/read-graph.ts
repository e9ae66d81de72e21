/** GraphProto as graph: names become values, nodes are built (and so checked) by the operators' own inference. */
import { constant, dependencies, input, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";
import { isFloat } from "../ir/dtype.ts";
import { isUnknown, unknownDim, type Shape } from "../ir/shape.ts";
import type { Tensor } from "../ir/tensor.ts";
import { applyOp, contentsOf, opRecord } from "../ops/build.ts";
import type { AttributeKind } from "../ops/op.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { foldConstant } from "./constant.ts";
import { decodeText, shown } from "./decode.ts";
import { noteKnown, type KnownValues } from "./fold.ts";
import { fileAttributes, requireKind } from "./file-node.ts";
import {
  AttributeProto_AttributeType as Kind,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type ValueInfoProto,
} from "./onnx_pb.ts";
import { domainOf, wayOf } from "./opset.ts";
import { checkShape, dtypeOf, readTensor, type ExternalReader } from "./tensor-proto.ts";
import type { Rewrite } from "./upgrades/upgrade.ts";

/** What the parts of one model share. */
export interface ReadContext {
  /** Version of every domain that the model imports. */
  readonly opset: ReadonlyMap<string, number>;
  readonly external: ExternalReader | undefined;
  /** Nodes made so far, those of enclosing graphs among them. */
  readonly made: Set<Node>;
  /** Initializers of floats. */
  readonly weights: Set<Tensor>;
  readonly known: KnownValues;
}

/** Names of one graph; what is not found here is asked of the enclosing graph, and is then a capture. */
interface Scope {
  readonly context: ReadContext;
  readonly outer: Scope | undefined;
  readonly proto: GraphProto;
  readonly values: Map<string, Value>;
  readonly captures: Set<Value>;
  /** Outputs of older forms that ours do not have. */
  readonly absent: Set<string>;
}

/** @param outer names of the enclosing graph, for a body */
export function readGraph(proto: GraphProto, context: ReadContext, outer?: Scope): Graph {
  if (proto.sparseInitializer.length > 0) throw new GradusError("the model has sparse initializers, which Gradus does not take");
  const scope: Scope = { context, outer, proto, values: new Map(), captures: new Set(), absent: new Set() };
  for (const tensor of proto.initializer) {
    const read = readTensor(tensor, `initializer "${shown(tensor.name)}"`, context.external);
    if (isFloat(read.dtype)) context.weights.add(read);
    define(scope, tensor.name, constant(read, tensor.name));
  }
  // Files of IR version 3 list initializers among the inputs as well.
  const inputs = proto.input.filter(({ name }) => !scope.values.has(name)).map(readInput);
  for (const value of inputs) define(scope, value.name!, value);
  const nodes = proto.node.flatMap((node, index) => readNode(node, index, scope));
  const outputs = proto.output.map((info) => {
    const value = find(scope, info.name, "the graph's outputs name");
    const { dtype } = typeOf(info, `output "${shown(info.name)}"`) ?? value;
    if (dtype !== value.dtype) throw new GradusError(`output "${shown(info.name)}" is declared ${dtype}, its node makes ${value.dtype}`);
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
  if (scope.values.has(name)) throw new GradusError(`"${shown(name)}" is made twice in the model`);
  scope.values.set(name, value);
}

function find(scope: Scope, name: string, who: string): Value {
  const own = scope.values.get(name);
  if (own) return own;
  if (scope.absent.has(name)) throw new GradusError(`${who} "${shown(name)}", an output of an older opset that is no more`);
  const later = scope.proto.node.findIndex(({ output }) => output.includes(name));
  if (later >= 0) {
    throw new GradusError(`${who} "${shown(name)}", which node ${later} makes only afterwards`, {
      hint: "the nodes go round in a circle, or do not stand in the order in which they can be computed",
    });
  }
  if (!scope.outer) {
    const names = [...scope.values.keys()].filter((known) => Math.abs(known.length - name.length) < 10);
    const hint = name.length < 100 && names.length < 1000 ? { hint: didYouMean(shown(name), names.map(shown), "names") } : {};
    throw new GradusError(`${who} "${shown(name)}", which nothing before makes`, hint);
  }
  const captured = find(scope.outer, name, who);
  if (captured.origin.kind !== "constant") scope.captures.add(captured);
  return captured;
}

function readNode(proto: NodeProto, index: number, scope: Scope): Node[] {
  const called = `node ${index} (${shown(proto.opType)}${proto.name && proto.name !== proto.output[0] ? ` "${shown(proto.name)}"` : ""})`;
  const domain = domainOf(proto.domain);
  if (domain === "" && proto.opType === "Constant") {
    const value = within(called, () => foldConstant(proto.attribute, scope.context.external));
    define(scope, proto.output[0] ?? "", constant(value, proto.output[0]!));
    return [];
  }
  const inputs = proto.input.map((name) => (name === "" ? null : find(scope, name, `${called} reads`)));
  const way = wayOf(domain, proto.opType, scope.context.opset.get(domain) ?? 0);
  if (typeof way === "string" && way !== "same") throw new GradusError(`${called}: the operator is not one that Gradus has`);
  const outputs = within(called, () => {
    const values = knowingly(inputs, scope, (given) => make(way === "same" ? undefined : (way as Rewrite), proto, given, scope));
    if (proto.output.length > values.length)
      throw new GradusError(`the file names ${proto.output.length} outputs, the operator makes ${values.length} here`);
    values.forEach((value, i) => value && checkValue(value, `output ${i}`));
    return values;
  });
  proto.output.forEach((name, i) => {
    const value = outputs[i];
    if (name !== "" && value) define(scope, name, value);
    else scope.absent.add(name);
  });
  const nodes = newNodes(outputs, scope.context.made);
  for (const node of nodes) noteKnown(node, scope.context.known, scope.context.weights);
  return nodes;
}

/** Does something about a node; what goes wrong names the node. The file is a stranger's: whatever an operator throws is its fault. */
function within<T>(called: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof GradusError)) {
      const hint = "an attribute or an input may be missing";
      throw new GradusError(`${called}: the node does not fit its operator`, { cause: error, hint });
    }
    const { message, hint } = error;
    const text = `${called}: ${message.length > 1000 ? `${message.slice(0, 1000)}…` : message}`;
    throw new GradusError(text, { cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}

/** Makes a node's outputs; where they or an error show that something was not known, again with all inputs that can be known. */
function knowingly(
  inputs: readonly (Value | null)[],
  { context: { known } }: Scope,
  act: (inputs: readonly (Value | null)[]) => readonly (Value | null)[],
): readonly (Value | null)[] {
  const mayHelp = inputs.some((value) => value && known.has(value));
  const again = () => act(inputs.map((value) => value && (known.get(value) ?? value)));
  try {
    const values = act(inputs);
    return mayHelp && values.some((value) => value?.shape.some(isUnknown)) ? again() : values;
  } catch (error) {
    if (!mayHelp || !(error instanceof GradusError)) throw error;
    return again();
  }
}

/** @param rewrite undefined where the node is as ours */
function make(rewrite: Rewrite | undefined, proto: NodeProto, inputs: readonly (Value | null)[], scope: Scope): readonly (Value | null)[] {
  const rewritten = rewrite && rewriteNode(rewrite, proto, inputs, scope);
  return rewritten ?? applyOp(proto.opType, inputs, readAttributes(proto, scope)).outputs;
}

function rewriteNode(
  rewrite: Rewrite,
  proto: NodeProto,
  inputs: readonly (Value | null)[],
  scope: Scope,
): readonly (Value | null)[] | undefined {
  const attributes = fileAttributes(proto.attribute, {
    tensor: (tensor, what) => readTensor(tensor, what, scope.context.external),
    graph: ({ g }) => readGraph(g!, scope.context, scope),
  });
  const values = rewrite({
    op: proto.opType,
    version: scope.context.opset.get(domainOf(proto.domain)) ?? 0,
    inputs,
    attributes,
    outputs: proto.output.length,
    hasOutput: (i) => (proto.output[i] ?? "") !== "",
  });
  if (values) attributes.finish(proto.opType);
  return values;
}

/** Sizes that are sizes. Contents of integers are found out here, node by node, so that a long chain of them is no deep recursion. */
function checkValue(value: Value, what: string): void {
  checkShape(value.shape, what);
  if (value.dtype === "int64" || value.dtype === "int32") contentsOf(value);
}

/** The nodes behind values that are not known yet, in the order in which they can be computed. */
function newNodes(values: readonly (Value | null)[], made: Set<Node>): Node[] {
  const found: Node[] = [];
  const visit = (value: Value) => {
    if (value.origin.kind !== "node" || made.has(value.origin.node)) return;
    const { node } = value.origin;
    made.add(node);
    dependencies(node).forEach(visit);
    found.push(node);
  };
  for (const value of values) if (value) visit(value);
  return found;
}

function readInput(info: ValueInfoProto): Value {
  const what = `input "${shown(info.name)}"`;
  const type = typeOf(info, what);
  if (!type?.shape) throw new GradusError(`${what} has no ${type ? "shape" : "type"}`);
  checkShape(type.shape, what);
  return input(info.name, type.dtype, type.shape);
}

/** Undefined where the file says no type, as it may of what bodies return. */
export function typeOf(info: ValueInfoProto, what: string): { dtype: Value["dtype"]; shape: Shape | undefined } | undefined {
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
      // An attribute that the operator has not is left to the builder to refuse.
      const isOurs = Object.hasOwn(kinds, attribute.name);
      return [isOurs ? attribute.name : shown(attribute.name), isOurs ? readAttribute(attribute, kinds[attribute.name]!, scope) : 0];
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
  requireKind(attribute, kindsInFile[kind], what);
  switch (kind) {
    case "int":
      return Number(attribute.i);
    case "dtype":
      return dtypeOf(Number(attribute.i), what);
    case "float":
      return attribute.f;
    case "string":
      return decodeText(attribute.s, what);
    case "ints":
      return attribute.ints.map(Number);
    case "floats":
      return attribute.floats;
    case "strings":
      return attribute.strings.map((item) => decodeText(item, what));
    case "tensor":
      return readTensor(attribute.t!, what, scope.context.external);
    case "graph":
      return readGraph(attribute.g!, scope.context, scope);
  }
}
