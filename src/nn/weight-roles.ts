/** Which numbers of an imported graph are its parameters, and what each is to the operators that read it. */
import { dependencies, isGraph, type Graph, type Node, type Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Parameter } from "./layer.ts";

type Role = Parameter["role"];

/** By operator and input. What stands nowhere here is a setting, and stays in the graph. */
const roles: Readonly<Record<string, readonly (Role | undefined)[]>> = {
  MatMul: ["weight", "weight"],
  Gemm: ["weight", "weight", "bias"],
  Conv: ["weight", "weight", "bias"],
  ConvTranspose: ["weight", "weight", "bias"],
  Einsum: ["weight", "weight", "weight"],
  RNN: [undefined, "weight", "weight", "bias"],
  GRU: [undefined, "weight", "weight", "bias"],
  LSTM: [undefined, "weight", "weight", "bias"],
  Gather: ["weight"],
  BatchNormalization: [undefined, "scale", "bias", "buffer", "buffer"],
  InstanceNormalization: [undefined, "scale", "bias"],
  LayerNormalization: [undefined, "scale", "bias"],
  PRelu: [undefined, "scale"],
  Mul: ["scale", "scale"],
  Div: [undefined, "scale"],
  Add: ["bias", "bias"],
  Sub: ["bias", "bias"],
};

/** What only gives numbers another form; a weight behind it is still one. */
const forms = new Set([
  "Transpose",
  "Reshape",
  "Squeeze",
  "Unsqueeze",
  "Identity",
  "Flatten",
  "Expand",
  "Slice",
  "Split",
  "Concat",
  "Cast",
]);

export interface FoundParameter {
  readonly tensor: Tensor;
  readonly role: Role;
  /** Every place where the graph reads it. */
  readonly values: readonly Value[];
}

export interface FoundWeights {
  /** In the order in which the graph reads them. */
  readonly parameters: readonly FoundParameter[];
  /** Nodes that join a weight with what comes from the input, in order: dense layers, convolutions, recurrences, embeddings. */
  readonly layers: readonly Node[];
}

/** Constants of float32 with at least one axis, where operators that learn read them; not those inside bodies. */
export function findWeights({ inputs, nodes }: Pick<Graph, "inputs" | "nodes">): FoundWeights {
  const fromInput = new Set<Value>(inputs);
  const behind = new Map<Value, readonly Tensor[]>();
  const found = new Map<Tensor, { values: Set<Value>; roles: Set<Role | undefined> }>();
  const readers: { node: Node; tensors: readonly Tensor[] }[] = [];

  const note = (value: Value): readonly Tensor[] => {
    if (value.origin.kind !== "constant" || value.dtype !== "float32" || value.shape.length === 0) return behind.get(value) ?? [];
    const { tensor } = value.origin;
    const entry = found.get(tensor) ?? { values: new Set(), roles: new Set() };
    entry.values.add(value);
    found.set(tensor, entry);
    return [tensor];
  };
  for (const node of nodes) {
    const reads = dependencies(node);
    const joins = reads.some((value) => fromInput.has(value));
    const isForm = !joins && forms.has(node.op);
    const weights: Tensor[] = [];
    const passed: Tensor[] = [];
    for (const value of reads) {
      const said = joins ? roles[node.op]?.[node.inputs.indexOf(value)] : undefined;
      // Statistics in another form cannot be put back.
      const role = said === "buffer" && value.origin.kind !== "constant" ? "bias" : said;
      for (const tensor of note(value)) {
        if (isForm) passed.push(tensor);
        else found.get(tensor)!.roles.add(role);
        if (role === "weight") weights.push(tensor);
      }
    }
    if (joins) for (const value of node.outputs) fromInput.add(value);
    else if (isForm) for (const value of node.outputs) behind.set(value, passed);
    if (weights.length > 0) readers.push({ node, tensors: weights });
  }
  const inBodies = new Set(nodes.flatMap(constantsInBodies));
  const parameters = [...found].flatMap(([tensor, entry]): FoundParameter[] => {
    const role = inBodies.has(tensor) ? undefined : roleOf(entry.roles);
    return role ? [{ tensor, role, values: [...entry.values] }] : [];
  });
  const learnt = new Set(parameters.map(({ tensor }) => tensor));
  return { parameters, layers: readers.filter(({ tensors }) => tensors.some((tensor) => learnt.has(tensor))).map(({ node }) => node) };
}

function constantsInBodies({ attributes }: Node): Tensor[] {
  const bodies = Object.values(attributes).filter(isGraph);
  return bodies.flatMap(({ nodes, outputs }) => {
    const read = [...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ value }) => value)];
    return [
      ...read.flatMap((value) => (value?.origin.kind === "constant" ? [value.origin.tensor] : [])),
      ...nodes.flatMap(constantsInBodies),
    ];
  });
}

/** The first of these that some reader says; a number that is a setting to one reader is one to all. */
function roleOf(said: ReadonlySet<Role | undefined>): Role | undefined {
  if (said.size === 0 || said.has(undefined)) return undefined;
  const role = (["weight", "scale", "bias"] as const).find((candidate) => said.has(candidate));
  return role ?? "buffer";
}
