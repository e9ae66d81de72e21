/** ONNX files as graphs. Nothing in a file is trusted: what does not fit is refused, in words that say where. */
import type { DType } from "../ir/dtype.ts";
import type { Graph } from "../ir/graph.ts";
import type { Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { decodeModel, shown } from "./decode.ts";
import { allNodes, missingOperators, refuseMissing, type MissingOperator } from "./missing.ts";
import { inlineFunctions } from "./functions.ts";
import type { GraphProto, ModelProto, ValueInfoProto } from "./onnx_pb.ts";
import { domainOf } from "./opset.ts";
import { readGraph, typeOf } from "./read-graph.ts";
import type { ExternalReader } from "./tensor-proto.ts";

export interface ReadModel {
  readonly graph: Graph;
  /** `metadata_props`, in the file's order. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Opset of every domain the file imports, as it stands there; "" is ai.onnx. */
  readonly opset: Readonly<Record<string, number>>;
  /** Program that wrote the file, as it names itself. */
  readonly producer: { readonly name: string; readonly version: string };
}

export interface ReadOptions {
  /** Reads tensors that lie in files beside the model; without it such models are refused. */
  readonly external?: ExternalReader;
}

/**
 * Reads a model of the operators that Gradus has, of opset 7 to 26 (earlier where nothing has changed): older and newer forms become
 * ours. Initializers and Constant nodes become constants; nodes that no output needs are left out.
 * @throws GradusError where the bytes are no ONNX model, ask for more than a file may, or hold what Gradus does not take: operators,
 *   all of them at once, sequences, sparse tensors
 * @example const { graph, metadata } = readModel(readFileSync("model.onnx"));
 */
export function readModel(bytes: Uint8Array, { external }: ReadOptions = {}): ReadModel {
  const model = decodeModel(bytes);
  const opset = opsetOf(model);
  const proto = inlineFunctions(model);
  refuseMissing(missingOperators(proto, opset), opset);
  return { graph: graphOf(proto, opset, external), ...aboutOf(model, opset) };
}

/** A model as far as it can be told without its operators. */
export interface ModelSummary extends Omit<ReadModel, "graph"> {
  readonly irVersion: number;
  readonly inputs: readonly NamedType[];
  readonly outputs: readonly NamedType[];
  /** Operators and how many nodes use them, most frequent first. */
  readonly operators: readonly { readonly name: string; readonly count: number }[];
  readonly missing: readonly MissingOperator[];
}

export interface NamedType {
  readonly name: string;
  /** Undefined where the file does not say, or says something else than a tensor of ours. */
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
}

/**
 * What a file says of itself, whether or not it can be read; the graph where it can.
 * @throws GradusError where it is broken
 */
export function inspectModel(bytes: Uint8Array, { external }: ReadOptions = {}): { summary: ModelSummary; graph: Graph | undefined } {
  const model = decodeModel(bytes);
  const opset = opsetOf(model);
  const proto = inlineFunctions(model);
  const missing = missingOperators(proto, opset);
  const constants = new Set(proto.initializer.map(({ name }) => name));
  const counts = new Map<string, number>();
  for (const { domain, opType } of allNodes(proto)) {
    const name = domainOf(domain) === "" ? opType : `${domain}.${opType}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const summary: ModelSummary = {
    ...aboutOf(model, opset),
    irVersion: Number(model.irVersion),
    inputs: proto.input.filter(({ name }) => !constants.has(name)).map(namedType),
    outputs: proto.output.map(namedType),
    operators: [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => ({ name, count })),
    missing,
  };
  return { summary, graph: missing.length > 0 ? undefined : graphOf(proto, opset, external) };
}

function namedType(info: ValueInfoProto): NamedType {
  try {
    const type = typeOf(info, info.name);
    return { name: info.name, dtype: type?.dtype, shape: type?.shape };
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    return { name: info.name, dtype: undefined, shape: undefined };
  }
}

function opsetOf(model: ModelProto): ReadonlyMap<string, number> {
  const opset = new Map<string, number>();
  const all = [...model.opsetImport, ...model.functions.flatMap(({ opsetImport }) => opsetImport)];
  for (const { domain, version } of all) {
    const name = domainOf(domain);
    if (opset.has(name) && opset.get(name) !== Number(version))
      throw new GradusError(`the model imports two versions of "${shown(name) || "ai.onnx"}"`);
    opset.set(name, Number(version));
  }
  return opset;
}

function aboutOf(model: ModelProto, opset: ReadonlyMap<string, number>): Omit<ReadModel, "graph"> {
  return {
    metadata: Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value])),
    opset: Object.fromEntries(opset),
    producer: { name: model.producerName, version: model.producerVersion },
  };
}

/** A graph too deep for our recursion, or a list too long to make, is the file's doing. */
function graphOf(proto: GraphProto, opset: ReadonlyMap<string, number>, external: ExternalReader | undefined): Graph {
  try {
    return readGraph(proto, { opset, external, made: new Set(), weights: new Set(), known: new Map() });
  } catch (cause) {
    if (cause instanceof RangeError) throw new GradusError(`the model is deeper or larger than can be read: ${cause.message}`, { cause });
    throw cause;
  }
}
