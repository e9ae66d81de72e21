/** Models that other programs made, for further training: an ONNX graph becomes a network, with a new head in place of its last layers. */
import { base64Encode } from "@bufbuild/protobuf/wire";
import { isFloat } from "../ir/dtype.ts";
import { constant, dependencies, graph as graphOf, input, type Graph, type Node, type Value } from "../ir/graph.ts";
import { formatShape, isUnknown, type Dim } from "../ir/shape.ts";
import { tensor, type NumericArray } from "../ir/tensor.ts";
import { writeModel } from "../onnx/write.ts";
import { applyOp, contentsOf } from "../ops/build.ts";
import { rebuild, rewritten, type Replacements } from "../ops/rewrite.ts";
import { GradusError } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import { frozenNames } from "./freeze.ts";
import { dense } from "./layers/dense.ts";
import { flatten } from "./layers/flatten.ts";
import type { Imported, ImportedParameter } from "./layers/imported.ts";
import type { AnyLayer } from "./layers/index.ts";
import { globalAveragePool } from "./layers/pool.ts";
import type { Loss } from "./loss.ts";
import { sequential, type Network } from "./network.ts";
import { findWeights, type FoundParameter } from "./weight-roles.ts";

export interface PretrainedOptions {
  /** So many of the last layers with weights, and all that follows them, give way to one dense layer; 1 where left out, 0 keeps all. */
  readonly head?: number | undefined;
  /** Names of the file's weights that stay as they are, `*` and `?` standing for anything: `["features.*"]`, or `["all"]`. */
  readonly freeze?: readonly string[] | undefined;
  /** One example, without the batch axis; the file's own where left out. */
  readonly shape?: readonly number[] | undefined;
}

/**
 * What one example is to a model: the shape that is given, where it fits the file's, or the file's own.
 * @throws GradusError where the model has not one input of numbers, or the shapes do not fit
 */
export function pretrainedShape({ inputs }: Graph, given?: readonly number[]): readonly number[] {
  const named = inputs.map(({ name, dtype, shape }) => `${printable(name!)} ${dtype}${formatShape(shape.map(plainDim))}`);
  const [x] = inputs;
  if (!x || inputs.length > 1) {
    throw new GradusError(`the model has ${inputs.length} inputs${named.length > 0 ? ` (${named.slice(0, 5).join(", ")})` : ""}`, {
      hint: "one that can be trained here has one",
    });
  }
  if (x.dtype !== "float32" && x.dtype !== "int64" && x.dtype !== "int32") {
    throw new GradusError(`the model's input is ${named[0]}`, {
      hint: "one that can be trained here takes float32, or tokens as integers",
    });
  }
  const own = x.shape.slice(1);
  if (x.shape.length === 0) throw new GradusError(`the model's input ${named[0]} has no batch axis`);
  const shape = given ?? own;
  const fits = shape.length === own.length && shape.every((size, axis) => typeof own[axis] !== "number" || size === own[axis]);
  if (!fits) {
    throw new GradusError(`the shape ${shape.join("×")} does not fit the model's input ${named[0]}`, {
      hint: "the first axis is the batch; the others are one example",
    });
  }
  const open = shape.findIndex((size) => typeof size !== "number");
  if (open >= 0) {
    throw new GradusError(`the model's input ${named[0]} leaves axis ${open + 1} open`, {
      hint: `say what one example is: --shape ${shape.map((size) => (typeof size === "number" ? size : "?")).join("x")}`,
    });
  }
  return shape as readonly number[];
}

/** Whether a model of one input takes examples of several axes, and does not say how long each is. */
export function leavesAxesOpen({ inputs }: Graph): boolean {
  const own = inputs[0]?.shape.slice(1) ?? [];
  return inputs.length === 1 && own.length > 1 && own.some((size) => typeof size !== "number");
}

const plainDim = (dim: Dim): Dim => (isUnknown(dim) ? "?" : typeof dim === "string" ? printable(dim) : dim);

/**
 * The network that a model becomes, its numbers the initial weights. Of several outputs the first of floats counts.
 * @param spec.outputs units that the target needs
 * @param spec.loss what its output will be given to: with `head: 0` a Softmax or Sigmoid that the loss itself applies is left out
 * @throws GradusError where the model cannot be trained, has not so many layers, or a pattern names none of its weights
 * @example pretrainedNetwork(readModelFile("resnet18.onnx").graph, { outputs: 3, loss: lossByName("categoricalCrossEntropy") })
 */
export function pretrainedNetwork(
  graph: Graph,
  { head = 1, freeze = [], shape: given, outputs, loss }: PretrainedOptions & { readonly outputs: number; readonly loss: Loss },
): Network {
  const shape = pretrainedShape(graph, given);
  const whole = openBatch(graph, shape);
  const { end, after } = head === 0 ? ownOutput(whole, loss) : cutBefore(whole, head);
  const body = bodyOf(whole.x, end, freeze);
  if (head === 0 && body.parameters.every(({ frozen, role }) => frozen || role === "buffer")) {
    throw new GradusError("nothing is left to train: the model keeps its own output, and its weights are frozen", {
      hint: "freeze fewer, or give it a new head: --head 1",
    });
  }
  return sequential([body, ...after(outputs)]);
}

interface Whole {
  readonly x: Value;
  readonly y: Value;
  /** In order. */
  readonly nodes: readonly Node[];
}

interface End {
  /** Where the imported part ends. */
  readonly end: Value;
  readonly after: (outputs: number) => readonly AnyLayer[];
}

/** The model on a batch of any size, whatever size it was exported for. */
function openBatch({ inputs, outputs }: Graph, shape: readonly number[]): Whole {
  const found = outputs.find(({ value }) => isFloat(value.dtype));
  if (!found) throw new GradusError("the model has no output of floats");
  const own = inputs[0]!;
  const x = input("x", own.dtype, ["batch", ...shape]);
  const fixed = own.shape[0];
  const write = (node: Node, given: readonly (Value | null)[]) => {
    if (node.op === "Identity" && given[0]?.origin.kind === "constant") return [given[0]];
    return node.op === "Reshape" && typeof fixed === "number" ? openReshape(node, given, fixed) : undefined;
  };
  let y: Value;
  try {
    [y] = rewritten([found.value], write, new Map([[own, x]])) as [Value];
  } catch (cause) {
    if (!(cause instanceof GradusError)) throw cause;
    throw new GradusError(`the model does not take batches of ${shape.join("×")}: ${cause.message}`, {
      hint: "export it with a batch axis that is open (PyTorch: dynamic_axes)",
      cause,
    });
  }
  if (y.shape[0] !== "batch") {
    throw new GradusError(`the model's output is ${formatShape(y.shape.map(plainDim))}: its first axis is not the batch`, {
      hint: "export it with a batch axis that is open (PyTorch: dynamic_axes)",
    });
  }
  return { x, y, nodes: graphOf({ inputs: [x], outputs: { y } }).nodes };
}

/** A target shape that begins with the batch size of the export. */
function openReshape(node: Node, [signal, sizes]: readonly (Value | null)[], fixed: number): readonly Value[] | undefined {
  const wanted = contentsOf(sizes!);
  const meant = typeof signal!.shape[0] === "string" && wanted?.[0] === fixed && wanted.length > 1;
  if (!meant || sizes!.origin.kind !== "constant") return undefined;
  const open = [wanted.includes(-1) ? 0 : -1, ...wanted.slice(1)] as number[];
  return applyOp("Reshape", [signal!, constant(tensor("int64", open, [open.length]))], node.attributes).outputs;
}

function ownOutput({ y }: Whole, { prediction }: Loss): End {
  const { origin } = y;
  const applied = origin.kind === "node" && origin.node.op.toLowerCase() === prediction ? origin.node.inputs[0]! : y;
  return { end: applied, after: () => (applied.shape.length > 2 ? [flatten()] : []) };
}

/** What the n-th layer from the end reads, where all that follows hangs on it. */
function cutBefore(whole: Whole, head: number): End {
  const { layers } = findWeights({ inputs: [whole.x], nodes: whole.nodes });
  if (head >= layers.length) {
    const has = `${layers.length} layer${layers.length === 1 ? "" : "s"} with weights`;
    throw new GradusError(`the model has ${has}; replacing the last ${head} would leave none of it`, {
      hint:
        layers.length > 1
          ? `--head 1 to ${layers.length - 1}, or 0 to keep the model's own output`
          : "--head 0 keeps the model's own output",
    });
  }
  const cuts = layers.map((node, i) => {
    const cut = onlyWayThrough(whole, node);
    // A branch beside it would go as well.
    return cut && graphOf({ outputs: { cut } }).nodes.filter((before) => layers.includes(before)).length === i ? cut : undefined;
  });
  const end = cuts[layers.length - head];
  if (!end) {
    const possible = cuts.flatMap((cut, i) => (cut && i > 0 ? [layers.length - i] : [])).reverse();
    throw new GradusError(`the last ${head} layers with weights do not hang on the rest of the model by one tensor`, {
      hint: possible.length > 0 ? `--head ${possible.slice(0, 10).join(" or ")}` : "--head 0 keeps the model's own output",
    });
  }
  const isImage = layers[layers.length - head]!.op === "Conv" && (end.shape.length === 3 || end.shape.length === 4);
  const between = isImage ? [globalAveragePool()] : end.shape.length > 2 ? [flatten()] : [];
  return { end, after: (outputs) => [...between, dense(outputs)] };
}

/** The signal a layer reads, if every way from the input to the output leads through it; sizes alone are no way. */
function onlyWayThrough({ x, y }: Whole, layer: Node): Value | undefined {
  const reachesInput = (from: Value, around?: Value): boolean => {
    const seen = new Set<Value>();
    const stack = [from];
    while (stack.length > 0) {
      const value = stack.pop()!;
      if (value === x) return true;
      if (value === around || value.origin.kind !== "node" || seen.has(value) || value.origin.node.op === "Shape") continue;
      seen.add(value);
      stack.push(...dependencies(value.origin.node));
    }
    return false;
  };
  const read = layer.inputs.find((value) => value && reachesInput(value));
  return read && isFloat(read.dtype) && read.shape[0] === "batch" && !reachesInput(y, read) ? read : undefined;
}

/** The layer that computes a value of the model; its weights become parameters. */
function bodyOf(x: Value, end: Value, freeze: readonly string[]): Imported {
  const { parameters } = findWeights({ inputs: [x], nodes: graphOf({ inputs: [x], outputs: { end } }).nodes });
  const names = uniqueNames(parameters);
  const frozen = frozenNames(freeze, names);
  const slots = parameters.map(({ tensor: held }, i) => input(`p${i}`, "float32", held.shape));
  const made: Replacements = new Map(parameters.flatMap(({ values }, i) => values.map((value) => [value, slots[i]!] as const)));
  const [y] = rebuild([end], made);
  const bytes = writeModel(graphOf({ inputs: [x, ...slots], outputs: { y: y! } }));
  return {
    kind: "imported",
    model: base64Encode(bytes),
    parameters: parameters.map(({ role, tensor: held }, i): ImportedParameter => ({
      name: names[i]!,
      role,
      ...(frozen.has(names[i]!) ? { frozen: true } : {}),
      initializer: { name: "imported", fill: (weights) => weights.set(held.data as NumericArray as Float32Array) },
    })),
  };
}

/** The file's names; numbers that have none are called after their place. */
function uniqueNames(parameters: readonly FoundParameter[]): string[] {
  const taken = new Set<string>();
  return parameters.map(({ values, role }, i) => {
    const wish = values.find(({ name }) => name !== undefined)?.name ?? `${role}_${i}`;
    let name = wish;
    for (let n = 2; taken.has(name); n++) name = `${wish}_${n}`;
    taken.add(name);
    return name;
  });
}
