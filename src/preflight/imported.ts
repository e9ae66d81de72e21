/** What an imported graph computes, operator by operator, as the layers of ours that do the same. */
import { dependencies, graph, type Node, type Value } from "../ir/graph.ts";
import type { Layer, Mask } from "../nn/layer.ts";
import type { Signal } from "../nn/network.ts";

interface Operator {
  /** `imported_1/Gemm_2`: the second of its kind. */
  readonly name: string;
  /** Of a kind that no layer of ours is, it is called as the operator is. */
  readonly layer: Layer;
  readonly value: Value;
  /**
   * Operators of one stretch follow each other: each reads nothing of the signal but what the one before it made, for it alone. The
   * first that reads the layer's input alone begins stretch 0.
   */
  readonly stretch: number;
  /** Parameters that it reads, by name. */
  readonly parameters: readonly string[];
  /** Of those, what it adds. */
  readonly bias?: string;
}

interface Inside {
  /** In forward order. */
  readonly operators: readonly Operator[];
  /** The stretch that the layer's output ends; undefined where it is read inside as well. */
  readonly last: number | undefined;
}

type DrawnMask = Mask & { readonly value: Value };

/** @param signal an imported layer's, of a graph for training: what is dropped, and what the batch normalises, shows there alone */
export function insideOf({ name, input, value }: Signal, masks: readonly DrawnMask[]): Inside {
  const signals = new Set([input]);
  const readers = new Map<Value, number>([[value, 1]]);
  const steps: { readonly node: Node; readonly reads: readonly Value[] }[] = [];
  for (const node of graph({ outputs: { value } }).nodes) {
    const reads = [...new Set(dependencies(node))].filter((read) => signals.has(read));
    // A size is no signal.
    if (reads.length === 0 || node.op === "Shape" || node.op === "Size") continue;
    steps.push({ node, reads });
    for (const read of reads) readers.set(read, (readers.get(read) ?? 0) + 1);
    for (const output of node.outputs) signals.add(output);
  }
  const ends = new Map<Value, number>([[input, 0]]);
  const counts = new Map<string, number>();
  let stretches = 1;
  const operators = steps.map(({ node, reads }): Operator => {
    const number = (counts.get(node.op) ?? 0) + 1;
    counts.set(node.op, number);
    const [signal] = reads as [Value];
    const alone = reads.length === 1 && readers.get(signal) === 1;
    const stretch = (alone ? ends.get(signal) : undefined) ?? stretches++;
    const used = node.outputs.filter((output) => readers.has(output));
    if (used.length === 1) ends.set(used[0]!, stretch);
    const parameters = parametersOf(node.inputs.filter((read) => read && !signals.has(read)) as Value[]);
    const bias = biasOf(node);
    return {
      name: `${name}/${node.op}_${number}`,
      layer: reads.length === 1 ? layerOf(node, signal, masks) : { kind: node.op },
      value: used[0] ?? node.outputs[0]!,
      stretch,
      parameters,
      ...(bias === undefined ? {} : { bias }),
    };
  });
  return { operators, last: readers.get(value) === 1 ? ends.get(value) : undefined };
}

function parametersOf(values: readonly Value[]): string[] {
  const { inputs } = graph({ outputs: Object.fromEntries(values.map((value, i) => [`v${i}`, value])) });
  return inputs.map(({ name }) => name!);
}

const inputName = (value: Value | null | undefined) => (value?.origin.kind === "input" ? value.name : undefined);

function biasOf({ op, inputs }: Node): string | undefined {
  if (op === "Gemm" || op === "Conv" || op === "ConvTranspose") return inputName(inputs[2]);
  return op === "Add" ? (inputName(inputs[1]) ?? inputName(inputs[0])) : undefined;
}

const activations: Readonly<Record<string, string>> = {
  Relu: "relu",
  LeakyRelu: "leakyRelu",
  Elu: "elu",
  Gelu: "gelu",
  Tanh: "tanh",
  Sigmoid: "sigmoid",
  Softmax: "softmax",
};

const kinds: Readonly<Record<string, string>> = {
  Gemm: "dense",
  MatMul: "dense",
  Conv: "conv",
  ConvTranspose: "conv",
  Add: "bias",
  Sub: "bias",
  Mul: "scale",
  Flatten: "flatten",
  Reshape: "reshape",
  Squeeze: "reshape",
  Unsqueeze: "reshape",
  Identity: "reshape",
  Transpose: "permute",
  AveragePool: "averagePool",
  ReduceMean: "averagePool",
  GlobalAveragePool: "globalAveragePool",
};

/** The layer that does what an operator does to the one signal that it reads. */
function layerOf({ op, inputs, attributes }: Node, signal: Value, masks: readonly DrawnMask[]): Layer {
  const activation = activations[op];
  if (activation !== undefined) return { kind: "activation", activation } as Layer;
  // By running statistics it scales, and no more.
  if (op === "BatchNormalization") return { kind: attributes["training_mode"] === 1 ? "batchNorm" : "scale" };
  if (op === "Div" && inputs[0] === signal && inputs[1] !== signal) return { kind: "scale" };
  const other = inputs.find((value) => value && value !== signal);
  const mask = op === "Mul" && other ? masks.find(({ value }) => value === other || readsFirst(other, value)) : undefined;
  if (mask) return { kind: "dropout", keepProbability: mask.keepProbability } as Layer;
  // A square, and other products of the signal with itself.
  const isKnown = Object.hasOwn(kinds, op) && !(["Mul", "MatMul"].includes(op) && !other);
  return { kind: isKnown ? kinds[op]! : op };
}

const readsFirst = (value: Value, wanted: Value) => value.origin.kind === "node" && value.origin.node.inputs[0] === wanted;
