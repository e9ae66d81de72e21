/** The signal by depth: how large a network's values are layer by layer, and its gradients on their way back (spec §3.2). */
import { gradient } from "../autodiff/gradient.ts";
import { graph, input, type Value } from "../ir/graph.ts";
import { staticShape } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import type { Dense } from "../nn/layers/dense.ts";
import { lossPerExample } from "../nn/loss.ts";
import { buildNetwork, type BuiltNetwork, type Signal } from "../nn/network.ts";
import { ownDefinition } from "../nn/own-layer.ts";
import { isTrainable, parameterInput, parameterViews } from "../nn/parameters.ts";
import { ops } from "../ops/build.ts";
import { rowsOf, sliceDataset, type Dataset } from "../train/dataset.ts";
import type { Problem } from "../train/step-graph.ts";
import { isLinear } from "./chain.ts";
import { contextOf, type ContextOptions } from "./context.ts";
import { insideOf } from "./imported.ts";
import type { PreflightContext } from "./rule.ts";

export interface LayerSignal {
  /** `dense_1` */
  readonly name: string;
  /** Units or filters. */
  readonly units: number;
  /** Layers of one stretch hand the signal to each other; averages and recurrence lie between, ways around lie beside. */
  readonly stretch: string;
  /** Root mean square of what the layer makes, before its activation. */
  readonly forward: number;
  /**
   * The length of the loss's gradient with respect to that, root mean square over examples. Initialisers by the fan-in keep the mean
   * square of a number going forward, and the length of the whole vector going back.
   */
  readonly backward: number;
  /** In an imported graph, whose weights were not drawn at random. */
  readonly imported?: true;
}

export interface SignalProfile {
  /** Dense and convolutional layers in forward order, trained ones of imported graphs among them. */
  readonly layers: readonly LayerSignal[];
  /** r = (last/first)^(1/(L − 1)), per layer; NaN below two layers. */
  readonly forwardFactor: number;
  /** The same from the last layer to the first. */
  readonly backwardFactor: number;
}

const examples = 64;

/**
 * The signal of a network at its initial weights.
 * @example
 * const { forwardFactor } = await measureSignal({ network, loss: lossByName("meanSquared"), inputShape: [8], outputs: 1 }, data);
 */
export function measureSignal(problem: Problem, data: Dataset, options: ContextOptions = {}): Promise<SignalProfile> {
  return signalOf(contextOf(problem, data, options));
}

/** One pass forward and back as in training, batch statistics included, but with nothing dropped. */
export async function signalOf({ problem, layout, theta, data, executor, runtime }: PreflightContext): Promise<SignalProfile> {
  const rows = Math.min(examples, rowsOf(data));
  const sample = sliceDataset(data, 0, rows);
  const x = input("x", "float32", ["batch", ...problem.inputShape]);
  const y = input("y", "float32", ["batch", problem.outputs]);
  const lengths = sample.lengths ? [input("lengths", "int32", ["batch"])] : [];
  const built = buildNetwork(problem.network, x, parameterInput, { training: true, ...(lengths[0] ? { lengths: lengths[0] } : {}) });
  const stretches = stretchesOf(built.signals);
  const trained = new Set(layout.slots.filter((slot) => isTrainable(layout, slot)).map(({ name }) => name));
  const measured = built.signals.flatMap((signal): Measured[] => {
    const { name, layer, value } = signal;
    if (layer.kind === "imported") return measuredInside(signal, built.masks, trained);
    // An output layer that starts small on purpose says nothing of the others.
    const counts = isLinear(layer) && (layer as Partial<Dense>).initializer !== "smallNormal";
    return counts ? [{ name, layer, value, stretch: stretches.get(name)! }] : [];
  });
  if (measured.length === 0) return profile([]);
  const values = measured.map(({ value }) => value);
  const gradients = gradient(lossPerExample(problem.loss, built.output, y), values, input("one", "float32", []), { cut: "zeros" });
  const outputs: Record<string, Value> = {};
  values.forEach((value, i) => Object.assign(outputs, sizeOutputs(`z${i}`, value), sizeOutputs(`g${i}`, gradients[i]!)));
  const wanted = graph({ outputs });
  const session = await executor.compile(wanted, runtime);
  try {
    const feeds: Record<string, Tensor> = {
      ...parameterViews(layout, theta),
      x: sample.features,
      y: sample.targets,
      one: tensor("float32", 1),
      ...(sample.lengths ? { lengths: sample.lengths } : {}),
    };
    for (const { name, shape, deviation } of built.masks) {
      const kept = new Float32Array(rows * shape.reduce((a, b) => a * b, 1)).fill(deviation === undefined ? 1 : 0);
      feeds[`mask/${name}`] = tensor("float32", kept, [rows, ...shape]);
    }
    const found = await session.run(Object.fromEntries(wanted.inputs.map(({ name }) => [name!, feeds[name!]!])));
    const number = (name: string) => Number(found[name]!.data[0]);
    // The largest stands apart, so that a signal of 10⁻³⁰ has a square in float32.
    const size = (name: string) => {
      const largest = number(`${name}/largest`);
      return largest === 0 ? 0 : largest * Math.sqrt(number(`${name}/square`));
    };
    const width = (value: Value) => value.shape.slice(1).reduce<number>((a, b) => a * Number(b), 1);
    return profile(
      measured.map(({ name, layer, value, stretch, imported }, i) => ({
        name,
        stretch,
        units: Number(value.shape[layer.kind === "conv" ? 1 : value.shape.length - 1]),
        forward: size(`z${i}`),
        backward: size(`g${i}`) * Math.sqrt(width(value)),
        ...(imported ? { imported } : {}),
      })),
    );
  } finally {
    await session.dispose();
  }
}

type Measured = Pick<LayerSignal, "name" | "stretch" | "imported"> & Pick<Signal, "layer" | "value">;

/** The products by trained weights in an imported graph, with the bias where it is added next; those that are laid out by examples. */
function measuredInside(signal: Signal, masks: BuiltNetwork["masks"], trained: ReadonlySet<string>): Measured[] {
  const { operators } = insideOf(signal, masks);
  return operators.flatMap(({ name, layer, value, stretch, parameters }, i): Measured[] => {
    if (!isLinear(layer) || !parameters.some((parameter) => trained.has(parameter))) return [];
    const next = operators[i + 1];
    const whole = next?.stretch === stretch && next.layer.kind === "bias" ? next.value : value;
    const isLaidOut = whole.shape[0] === signal.input.shape[0] && staticShape(whole.shape.slice(1)) !== undefined;
    return isLaidOut ? [{ name, layer, value: whole, stretch: `${signal.name}/${stretch}`, imported: true }] : [];
  });
}

const breaks = new Set([
  "averagePool",
  "globalAveragePool",
  "globalMaxPool",
  "meanOverTime",
  "embedding",
  "categoryEmbedding",
  "rnn",
  "lstm",
  "gru",
  "attention",
  "imported",
]);

/** Depth of nesting, and how many layers that break the chain came before. */
function stretchesOf(signals: readonly Signal[]): ReadonlyMap<string, string> {
  const broken = new Map<number, number>();
  return new Map(
    signals.map(({ name, layer }) => {
      const depth = name.split("/").length;
      if (breaks.has(layer.kind) || ownDefinition(layer)) broken.set(depth, (broken.get(depth) ?? 0) + 1);
      return [name, `${depth}.${broken.get(depth) ?? 0}`] as const;
    }),
  );
}

/** max|v| and the mean of (v / max|v|)². */
function sizeOutputs(name: string, value: Value): Record<string, Value> {
  const largest = ops.ReduceMax(ops.Abs(value), { keepdims: 0 });
  const scaled = ops.Div(value, largest);
  return { [`${name}/largest`]: largest, [`${name}/square`]: ops.ReduceMean(ops.Mul(scaled, scaled), { keepdims: 0 }) };
}

function profile(layers: readonly LayerSignal[]): SignalProfile {
  const [first, last] = [layers[0], layers[layers.length - 1]];
  const factor = (from: number, to: number) => (layers.length < 2 ? NaN : (to / from) ** (1 / (layers.length - 1)));
  return {
    layers,
    forwardFactor: first && last ? factor(first.forward, last.forward) : NaN,
    backwardFactor: first && last ? factor(last.backward, first.backward) : NaN,
  };
}
