/** A node as the file has it, for what must be rewritten before it is one of ours. */
import type { Graph, Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { didYouMean } from "../util/closest.ts";
import { decodeText, shown } from "./decode.ts";
import { AttributeProto_AttributeType as Kind, type AttributeProto, type TensorProto } from "./onnx_pb.ts";

export interface FileNode {
  readonly op: string;
  /** Version of the node's domain that the model imports. */
  readonly version: number;
  readonly inputs: readonly (Value | null)[];
  readonly attributes: FileAttributes;
  /** How many outputs the file lists. */
  readonly outputs: number;
  /** Whether the file gives output i a name. */
  hasOutput(index: number): boolean;
}

/** Attributes by name and kind; what a rewriting does not ask for is refused at the end. */
export interface FileAttributes {
  has(name: string): boolean;
  int(name: string): number | undefined;
  float(name: string): number | undefined;
  string(name: string): string | undefined;
  ints(name: string): readonly number[] | undefined;
  /** Whole numbers to the last digit, as a vector of int64 holds them. */
  int64s(name: string): BigInt64Array | undefined;
  floats(name: string): readonly number[] | undefined;
  strings(name: string): readonly string[] | undefined;
  tensor(name: string): Tensor | undefined;
  graph(name: string): Graph | undefined;
  /** @throws GradusError naming an attribute that nobody asked for */
  finish(op: string): void;
}

export interface AttributeReaders {
  tensor(proto: TensorProto, what: string): Tensor;
  graph(attribute: AttributeProto): Graph;
}

export function fileAttributes(protos: readonly AttributeProto[], read: AttributeReaders): FileAttributes {
  const byName = new Map(protos.map((proto) => [proto.name, proto]));
  const asked = new Set<string>();
  const get = <T>(kind: Kind, value: (proto: AttributeProto, what: string) => T) => {
    return (name: string): T | undefined => {
      asked.add(name);
      const proto = byName.get(name);
      if (!proto) return undefined;
      const what = `attribute "${name}"`;
      requireKind(proto, kind, what);
      return value(proto, what);
    };
  };
  return {
    has: (name) => byName.has(name),
    int: get(Kind.INT, ({ i }) => Number(i)),
    float: get(Kind.FLOAT, ({ f }) => f),
    string: get(Kind.STRING, ({ s }, what) => decodeText(s, what)),
    ints: get(Kind.INTS, ({ ints }) => ints.map(Number)),
    int64s: get(Kind.INTS, ({ ints }) => BigInt64Array.from(ints)),
    floats: get(Kind.FLOATS, ({ floats }) => floats),
    strings: get(Kind.STRINGS, ({ strings }, what) => strings.map((bytes) => decodeText(bytes, what))),
    tensor: get(Kind.TENSOR, ({ t }, what) => read.tensor(t!, what)),
    graph: get(Kind.GRAPH, (proto) => read.graph(proto)),
    finish(op) {
      const unknown = [...byName.keys()].find((name) => !asked.has(name));
      if (unknown === undefined) return;
      throw new GradusError(`${op} has no attribute "${shown(unknown)}"`, {
        hint: didYouMean(shown(unknown), [...asked], "attributes"),
      });
    },
  };
}

/** @throws GradusError where an attribute is of another kind, or empty, or refers to one of a function */
export function requireKind(proto: AttributeProto, kind: Kind, what: string): void {
  if (proto.refAttrName !== "") throw new GradusError(`${what} refers to an attribute of a function, and stands in none`);
  if (proto.type !== kind) {
    throw new GradusError(`${what} must be ${nameOf(kind)}, the file has ${nameOf(proto.type)}`);
  }
  if ((kind === Kind.TENSOR && !proto.t) || (kind === Kind.GRAPH && !proto.g)) throw new GradusError(`${what} is empty`);
}

function nameOf(kind: Kind): string {
  if (kind === Kind.UNDEFINED) return "no kind";
  return (
    Object.entries(Kind)
      .find(([, code]) => code === kind)?.[0]
      .toLowerCase() ?? `type ${kind}`
  );
}
