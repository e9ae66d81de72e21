/** Part of a model that another program made: an ONNX graph as one layer, its weights among the network's parameters. */
import { base64Decode } from "@bufbuild/protobuf/wire";
import { constantFloats, ops } from "../../ops/build.ts";
import { rewritten, type Replacements } from "../../ops/rewrite.ts";
import { isInteger } from "../../ir/dtype.ts";
import type { Graph, Node, Value } from "../../ir/graph.ts";
import { divideDims, formatShape, multiplyDims, sizeOf, staticShape } from "../../ir/shape.ts";
import { readModel } from "../../onnx/read.ts";
import { GradusError } from "../../util/errors.ts";
import type { Initializer } from "../initializer.ts";
import type { LayerContext, LayerDefinition, Parameter } from "../layer.ts";

export interface ImportedParameter {
  /** As in the file it came from. */
  readonly name: string;
  readonly role: Parameter["role"];
  /** Stays as it is in training; running statistics that stay are also what training normalises by. */
  readonly frozen?: boolean;
  /** Brings the file's numbers. A saved model holds the name alone. */
  readonly initializer: Initializer | string;
}

export interface Imported {
  readonly kind: "imported";
  /**
   * An ONNX file in base64: the graph without its weights. Its first input is the layer's, with the batch as first axis; the others are
   * the parameters in order; its one output is the layer's.
   */
  readonly model: string;
  readonly parameters: readonly ImportedParameter[];
}

const graphs = new WeakMap<Imported, Graph>();

/** @throws GradusError where the text is no such file */
function graphOf(layer: Imported, name: string): Graph {
  const known = graphs.get(layer);
  if (known) return known;
  const fail = (why: string): never => {
    throw new GradusError(`${name}: ${why}`, { hint: "gradus train --from model.onnx makes such layers" });
  };
  let bytes: Uint8Array | undefined;
  try {
    bytes = base64Decode(layer.model);
  } catch {
    fail("its model is not base64");
  }
  const { graph } = readModel(bytes!);
  const [x, ...slots] = graph.inputs;
  if (!x || graph.outputs.length !== 1) fail(`its model has ${graph.inputs.length} inputs and ${graph.outputs.length} outputs`);
  if (slots.length !== layer.parameters.length) fail(`its model takes ${slots.length} parameters, ${layer.parameters.length} are named`);
  const odd = slots.find(({ dtype, shape }) => dtype !== "float32" || !staticShape(shape));
  if (odd) fail(`its model takes ${odd.dtype}${formatShape(odd.shape)} as a parameter`);
  if (new Set(layer.parameters.map((parameter) => parameter.name)).size < slots.length) fail("two of its parameters have one name");
  graphs.set(layer, graph);
  return graph;
}

/** Running statistics that training changes, by their values in the network, with their names. */
type Running = ReadonlyMap<Value, string>;

export const importedLayer: LayerDefinition<Imported> = {
  kind: "imported",
  build(layer, x, context) {
    const graph = graphOf(layer, context.name);
    const [start, ...slots] = graph.inputs as readonly [Value, ...Value[]];
    const moving = movingStatistics(graph, slots, layer.parameters);
    const made: Replacements = new Map([[start, asFed(x, start, context.name)]]);
    const running = new Map<Value, string>();
    layer.parameters.forEach(({ name, role, frozen, initializer }, i) => {
      const shape = staticShape(slots[i]!.shape)!;
      const fanOut = shape[0] ?? 1;
      const fans = { fanIn: sizeOf(shape) / Math.max(1, fanOut), fanOut };
      const stays = frozen || (role === "buffer" && !moving.has(slots[i]!));
      const own = { name, shape, role, initializer: initializer as Initializer, ...fans };
      const value = context.parameter(stays ? { ...own, frozen: true } : own);
      made.set(slots[i]!, value);
      if (moving.has(slots[i]!)) running.set(value, name);
    });
    const [y] = rewritten([graph.outputs[0]!.value], (node, inputs) => inTraining(node, inputs, x, running, context), made);
    return y!;
  },
  describe(layer) {
    const nodes = graphOf(layer, "imported").nodes.length;
    const frozen = layer.parameters.filter((parameter) => parameter.frozen).length;
    return `${nodes} operators${frozen === 0 ? "" : `, ${frozen} of ${layer.parameters.length} tensors frozen`}`;
  },
};

/** Tokens come as numbers of floats. */
function asFed(x: Value, { dtype, shape }: Value, name: string): Value {
  const fits = x.shape.length === shape.length && shape.every((dim, axis) => typeof dim !== "number" || dim === x.shape[axis]);
  if (!fits) throw new GradusError(`${name} needs ${formatShape(shape)}, got ${formatShape(x.shape)}`);
  return dtype !== x.dtype && isInteger(dtype) ? ops.Cast(x, { to: dtype }) : x;
}

/** Mean and variance of every normalisation that may go on learning both. */
function movingStatistics({ nodes }: Graph, slots: readonly Value[], parameters: readonly ImportedParameter[]): Set<Value> {
  const free = new Set(slots.filter((_, i) => parameters[i]!.role === "buffer" && !parameters[i]!.frozen));
  const pairs = nodes.filter(({ op }) => op === "BatchNormalization").map(({ inputs }) => [inputs[3]!, inputs[4]!]);
  return new Set(pairs.filter((pair) => pair.every((value) => free.has(value))).flat());
}

/** What a node is in a training step, where that differs: dropout draws, normalisation takes the batch's statistics. */
function inTraining(
  node: Node,
  inputs: readonly (Value | null)[],
  x: Value,
  running: Running,
  context: LayerContext,
): readonly Value[] | undefined {
  if (node.op === "Dropout") {
    // Without a mode to train in everything is kept.
    const [, kept] = ops.Dropout(inputs[0]!) as [Value, Value];
    return [context.training ? dropped(inputs, x, context) : inputs[0]!, kept];
  }
  if (node.op !== "BatchNormalization") return undefined;
  const [signal, scale, bias, mean, variance] = inputs as [Value, Value, Value, Value, Value];
  const { epsilon = 1e-5, momentum = 0.9 } = node.attributes as { readonly epsilon?: number; readonly momentum?: number };
  const statistics = [mean, variance];
  if (!context.training || !statistics.every((value) => running.has(value))) {
    const [y] = ops.BatchNormalization(signal, scale, bias, mean, variance, { epsilon });
    return [y!, mean, variance].slice(0, node.outputs.length);
  }
  const [y, ...batch] = ops.BatchNormalization(signal, scale, bias, mean, variance, { epsilon, momentum: 0, training_mode: 1 });
  const next = statistics.map((value, i) => {
    const updated = ops.Add(ops.Mul(value, momentum), ops.Mul(batch[i]!, 1 - momentum));
    context.update(running.get(value)!, updated);
    return updated;
  });
  return [y!, ...next].slice(0, node.outputs.length);
}

/** The signal times a mask, whatever the order of its axes. */
function dropped([signal, ratio]: readonly (Value | null)[], x: Value, { name, mask }: LayerContext): Value {
  const given = signal!;
  const share = ratio ? constantFloats(ratio)?.[0] : 0.5;
  if (share === undefined || !(share >= 0 && share < 1)) {
    throw new GradusError(`${name}: Dropout has the ratio ${share ?? "of another node"}`, { hint: "a constant from 0 to 1" });
  }
  if (share === 0) return given;
  const size = divideDims(multiplyDims(given.shape), x.shape[0]!);
  if (typeof size !== "number") throw new GradusError(`${name}: Dropout needs a signal of known sizes, got ${formatShape(given.shape)}`);
  const drawn = mask([size], 1 - share);
  return ops.Mul(given, given.shape.length === 2 && given.shape[1] === size ? drawn : ops.Reshape(drawn, ops.Shape(given)));
}
