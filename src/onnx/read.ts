/** ONNX files as graphs. Nothing in a file is trusted: what does not fit is refused, in words that say where. */
import { fromBinary } from "@bufbuild/protobuf";
import type { Graph } from "../ir/graph.ts";
import { registry } from "../ops/build.ts";
import { GradusError } from "../util/errors.ts";
import { AttributeProto_AttributeType as Kind, ModelProtoSchema, type GraphProto, type ModelProto, type NodeProto } from "./onnx_pb.ts";
import { isUnchanged, opsets } from "./opset.ts";
import { readGraph } from "./read-graph.ts";

export interface ReadModel {
  readonly graph: Graph;
  /** `metadata_props`, in the file's order. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Opset of every domain the file imports, as it stands there; "" is ai.onnx. */
  readonly opset: Readonly<Record<string, number>>;
  /** Program that wrote the file, as it names itself. */
  readonly producer: { readonly name: string; readonly version: string };
}

/**
 * Reads a model of the operators that Gradus has. Initializers and Constant nodes become constants; nodes that no output needs are left out.
 * @throws GradusError where the bytes are no ONNX model, or hold what Gradus does not take: unknown operators, each with its
 *   count, operators of an opset at which they meant something else, sequences, data in other files
 * @example const { graph, metadata } = readModel(readFileSync("model.onnx"));
 */
export function readModel(bytes: Uint8Array): ReadModel {
  const model = decode(bytes);
  const graph = model.graph!;
  const opset = Object.fromEntries(model.opsetImport.map(({ domain, version }) => [domainOf(domain), Number(version)]));
  checkOperators(graph, opset);
  return {
    graph: readGraph(graph),
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    opset,
    producer: { name: model.producerName, version: model.producerVersion },
  };
}

function decode(bytes: Uint8Array): ModelProto {
  let model: ModelProto | undefined;
  let cause: unknown;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    cause = error;
  }
  if (!model?.graph || model.irVersion < 1n || model.opsetImport.length === 0) {
    throw new GradusError(`not an ONNX model (${bytes.length} bytes)`, {
      hint: "an ONNX model is a protobuf file, usually called model.onnx",
      ...(cause === undefined ? {} : { cause }),
    });
  }
  return model;
}

/** `ai.onnx` is another name of "". */
export function domainOf(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}

function checkOperators(graph: GraphProto, opset: Readonly<Record<string, number>>): void {
  const unknown = new Map<string, number>();
  const changed = new Set<string>();
  for (const node of allNodes(graph)) {
    const domain = domainOf(node.domain);
    const isOurs =
      (domain === "" && node.opType === "Constant") ||
      (Object.hasOwn(registry, node.opType) && (registry[node.opType]!.domain ?? "") === domain);
    const name = domain === "" ? node.opType : `${domain}.${node.opType}`;
    if (!isOurs) unknown.set(name, (unknown.get(name) ?? 0) + 1);
    else if (node.opType !== "Constant" && !isUnchanged(domain, node.opType, opset[domain] ?? 0)) changed.add(name);
  }
  if (unknown.size > 0) {
    const counts = [...unknown].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} (${count})`);
    throw new GradusError(`the model uses operators that Gradus does not have: ${counts.join(", ")}`);
  }
  if (changed.size > 0) {
    const versions = Object.entries(opset).map(([domain, version]) => `${domain || "ai.onnx"} ${version}`);
    throw new GradusError(
      `the model is of opset ${versions.join(", ")}, where these operators differ, or may differ, from those of ai.onnx ${opsets[""]}: ${[...changed].join(", ")}`,
      { hint: `convert it: onnx.version_converter.convert_version(model, ${opsets[""]})` },
    );
  }
}

function* allNodes(graph: GraphProto): Generator<NodeProto> {
  for (const node of graph.node) {
    yield node;
    for (const attribute of node.attribute) if (attribute.type === Kind.GRAPH && attribute.g) yield* allNodes(attribute.g);
  }
}
