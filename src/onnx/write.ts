/** Graphs as ONNX files: opset 17, IR version 8. The same graph gives the same bytes. */
import { create, toBinary } from "@bufbuild/protobuf";
import { isGraph, type Attribute, type Graph, type Node, type Value } from "../ir/graph.ts";
import type { DType } from "../ir/dtype.ts";
import type { Tensor } from "../ir/tensor.ts";
import { opRecord } from "../ops/build.ts";
import type { AttributeKind } from "../ops/op.ts";
import { GradusError, internal } from "../util/errors.ts";
import { isLeftOut, nameOf, partOf, scopeOf, type Part, type Scope } from "./names.ts";
import {
  AttributeProto_AttributeType as Kind,
  AttributeProtoSchema,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  StringStringEntryProtoSchema,
  TensorShapeProto_DimensionSchema,
  TensorShapeProtoSchema,
  TypeProto_TensorSchema,
  TypeProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from "./onnx_pb.ts";
import { opsets } from "./opset.ts";
import { codeOf, writeTensor } from "./tensor-proto.ts";

export interface WriteOptions {
  /** Name of the graph in the file. */
  readonly name?: string;
  /** `metadata_props`, in this order. */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly producer?: { readonly name: string; readonly version?: string };
  /** Writes some nodes in another way, for a runtime that has operators of its own. */
  readonly writeNode?: NodeWriter;
}

/**
 * Nodes in place of one (bodies excepted), from its values and from how it would be written; undefined leaves it so.
 * @param free gives a name like the given one that nothing in the file has
 */
export type NodeWriter = (
  node: Node,
  proto: NodeProto,
  free: (name: string) => string,
) => { readonly nodes: readonly NodeProto[]; readonly domain: string; readonly version: number } | undefined;

const fileLimit = 2 ** 31 - 1;

/**
 * The bytes of an ONNX file.
 * @throws GradusError where an output has the name of an input, or the file would pass protobuf's 2 GiB
 * @example writeFileSync("model.onnx", writeModel(graph({ outputs: { y } })))
 */
export function writeModel(graph: Graph, options: WriteOptions = {}): Uint8Array {
  return encodeModel(modelProto(graph, options));
}

export function encodeModel(model: ModelProto): Uint8Array {
  const held = model.graph!.initializer.reduce((total, tensor) => total + tensor.rawData.length, 0);
  if (held > fileLimit) throw new GradusError(`the constants take ${held} bytes; an ONNX file holds at most ${fileLimit}`);
  return toBinary(ModelProtoSchema, model);
}

/** The file as a protobuf message, for those who add to it before it is encoded. */
export function modelProto(graph: Graph, options: WriteOptions = {}): ModelProto {
  const inputs = new Set(graph.inputs.map((value) => value.name));
  for (const { name } of graph.outputs) {
    if (name === "") throw new GradusError("a graph output needs a name");
    if (inputs.has(name)) throw new GradusError(`"${name}" names an input and an output; an ONNX file needs two names`);
  }
  const part = partOf(graph);
  const scope = scopeOf(part);
  const proto = graphProto(part, scope, options.name ?? "graph");
  const domains = usedDomains(part.nodes).map((domain) => [domain, opsets[domain]!] as const);
  const more = options.writeNode ? rewriteNodes(part.nodes, proto, options.writeNode) : [];
  const constants: Tensor[] = [...scope.constants.keys()];
  proto.initializer = constants.map((tensor) => writeTensor(tensor, scope.constants.get(tensor)));
  const { name: producerName, version: producerVersion } = options.producer ?? { name: "gradus" };
  return create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [...domains, ...more].map(([domain, version]) => create(OperatorSetIdProtoSchema, { domain, version: BigInt(version) })),
    producerName,
    ...(producerVersion === undefined ? {} : { producerVersion }),
    graph: proto,
    metadataProps: Object.entries(options.metadata ?? {}).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value })),
  });
}

/** Every name of a file's values; bodies may not use them again. */
export function namesIn(part: GraphProto): string[] {
  const bodies = part.node.flatMap(({ attribute }) => attribute.flatMap(({ g }) => (g ? [g] : [])));
  const own = [...part.input, ...part.output, ...part.initializer].map(({ name }) => name);
  // Constants are given to the file last: until then nodes that read them are where their names stand.
  return [...own, ...part.node.flatMap(({ input, output }) => [...input, ...output]), ...bodies.flatMap(namesIn)];
}

/** @returns the domains that came in, with their versions */
function rewriteNodes(nodes: readonly Node[], proto: GraphProto, writeNode: NodeWriter): Map<string, number> {
  const domains = new Map<string, number>();
  const taken = new Set(namesIn(proto));
  const free = (name: string): string => {
    let lengthened = name;
    while (taken.has(lengthened)) lengthened += "_";
    taken.add(lengthened);
    return lengthened;
  };
  proto.node = proto.node.flatMap((written, i) => {
    const other = writeNode(nodes[i]!, written, free);
    if (other) domains.set(other.domain, other.version);
    return other?.nodes ?? [written];
  });
  return domains;
}

/** Domains of the nodes and of their bodies; ai.onnx where there is no node at all, since a file needs one. */
function usedDomains(nodes: readonly Node[]): string[] {
  const used = new Set<string>();
  const visit = (node: Node) => {
    used.add(node.domain);
    for (const attribute of Object.values(node.attributes)) if (isGraph(attribute)) attribute.nodes.forEach(visit);
  };
  nodes.forEach(visit);
  return used.size === 0 ? [""] : Object.keys(opsets).filter((domain) => used.has(domain));
}

function graphProto(part: Part, scope: Scope, name: string): GraphProto {
  return create(GraphProtoSchema, {
    name,
    node: part.nodes.map((node) => nodeProto(part, node, scope)),
    input: part.graph.inputs.map((value) => valueInfo(value, scope)),
    output: part.outputs.map((value) => valueInfo(value, scope)),
  });
}

function nodeProto(part: Part, node: Node, scope: Scope): NodeProto {
  const output = node.outputs.map((value, index) => (isLeftOut(part, node, index) ? "" : nameOf(value, scope)));
  while (output.at(-1) === "") output.pop();
  const kinds = opRecord(node.op).attributes as Readonly<Record<string, AttributeKind>> | undefined;
  return create(NodeProtoSchema, {
    opType: node.op,
    domain: node.domain,
    name: output.find((name) => name !== "") ?? "",
    input: node.inputs.map((value) => (value ? nameOf(value, scope) : "")),
    output,
    attribute: Object.entries(node.attributes).map(([key, value]) =>
      attributeProto(key, kinds?.[key] ?? internal(`${node.op} does not say what kind its attribute "${key}" is`), value, scope),
    ),
  });
}

/** Numbers (`4*batch` included) as they are; a size about which nothing is known as a dimension without value. */
function valueInfo(value: Value, scope: Scope): ValueInfoProto {
  const dim = value.shape.map((size) => {
    const known = create(TensorShapeProto_DimensionSchema);
    if (typeof size === "number") known.value = { case: "dimValue", value: BigInt(size) };
    else if (!size.startsWith("?")) known.value = { case: "dimParam", value: size };
    return known;
  });
  const shape = create(TensorShapeProtoSchema, { dim });
  const type = create(TypeProto_TensorSchema, { elemType: codeOf(value.dtype), shape });
  return create(ValueInfoProtoSchema, {
    name: nameOf(value, scope),
    type: create(TypeProtoSchema, { value: { case: "tensorType", value: type } }),
  });
}

function attributeProto(name: string, kind: AttributeKind, value: Attribute, scope: Scope): AttributeProto {
  const text = new TextEncoder();
  const list = <T extends number | string>() => value as readonly T[];
  switch (kind) {
    case "int":
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(value as number) });
    case "dtype":
      return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(codeOf(value as DType)) });
    case "float":
      return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: value as number });
    case "string":
      return create(AttributeProtoSchema, { name, type: Kind.STRING, s: text.encode(value as string) });
    case "ints":
      return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: list<number>().map(BigInt) });
    case "floats":
      return create(AttributeProtoSchema, { name, type: Kind.FLOATS, floats: [...list<number>()] });
    case "strings":
      return create(AttributeProtoSchema, { name, type: Kind.STRINGS, strings: list<string>().map((item) => text.encode(item)) });
    case "tensor":
      return create(AttributeProtoSchema, { name, type: Kind.TENSOR, t: writeTensor(value as Tensor) });
    case "graph": {
      const part = partOf(value as Graph);
      return create(AttributeProtoSchema, { name, type: Kind.GRAPH, g: graphProto(part, scopeOf(part, scope), name) });
    }
  }
}
