/** What regularisation has bought, in figures of the weights: sparsity, lengths, spread; and how linear the units have become (spec §2.2-2.4). */
import type { Device, Executor } from "../exec/session.ts";
import { graph, input } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import type { ActivationLayer } from "../nn/layers/activation.ts";
import { buildNetwork } from "../nn/network.ts";
import { parameterInput, parameterViews, type ParameterLayout, type Slot } from "../nn/parameters.ts";
import { ops } from "../ops/build.ts";
import { rowsOf, type Dataset } from "./dataset.ts";
import { unitsOf } from "./regularizer.ts";
import type { Problem } from "./step-graph.ts";

/** A tensor of weights, in figures. */
export interface WeightFigures {
  /** `dense_1/W` */
  readonly name: string;
  readonly count: number;
  /** ‖W‖, the square root of the sum of squares. */
  readonly norm: number;
  /** Share of numbers that are exactly 0. */
  readonly zeros: number;
  /** Share of numbers below 10⁻³ times the tensor's root mean square. */
  readonly small: number;
  /** max|w|/‖w‖ of a unit's incoming weights, the mean over units: 1 where one weight carries all, 1/√n where all are alike. */
  readonly concentration: number;
}

/** Below this many times the root mean square a weight counts as small. */
export const smallShare = 1e-3;

/** Of every tensor of weights, in the order of the layout. */
export function weightFigures({ slots }: ParameterLayout, theta: ArrayLike<number>): WeightFigures[] {
  return slots.filter(({ role }) => role === "weight").map((slot) => figuresOf(slot, theta));
}

function figuresOf(slot: Slot, theta: ArrayLike<number>): WeightFigures {
  const { name, offset, size } = slot;
  const { count, length, unit, next } = unitsOf(slot);
  let [squares, zeros, small, concentration, live] = [0, 0, 0, 0, 0];
  for (let i = offset; i < offset + size; i++) squares += theta[i]! ** 2;
  const limit = smallShare * Math.sqrt(squares / size);
  for (let i = offset; i < offset + size; i++) {
    if (theta[i] === 0) zeros++;
    if (Math.abs(theta[i]!) < limit) small++;
  }
  for (let u = 0; u < count; u++) {
    let [sum, largest] = [0, 0];
    for (let k = 0; k < length; k++) {
      const value = Math.abs(theta[offset + u * unit + k * next]!);
      sum += value * value;
      if (value > largest) largest = value;
    }
    // A unit without weights concentrates nothing.
    if (sum === 0) continue;
    concentration += largest / Math.sqrt(sum);
    live++;
  }
  return {
    name,
    count: size,
    norm: Math.sqrt(squares),
    zeros: zeros / size,
    small: small / size,
    concentration: live > 0 ? concentration / live : 0,
  };
}

/** Below this |z| tanh is a straight line to 0.04. */
export const linearLimit = 0.5;

/** How much of a tanh layer's input lies where it is nearly linear. */
export interface LinearShare {
  /** `tanh_1` */
  readonly name: string;
  /** Share of |z| < 0.5, over all units and examples. */
  readonly share: number;
}

/**
 * In evaluation mode, layer by layer; an empty list where there is no tanh.
 * @param theta read only
 */
export async function linearShares(
  problem: Problem,
  layout: ParameterLayout,
  theta: Float32Array,
  data: Dataset,
  { executor, ...runtime }: { readonly executor: Executor; readonly threads?: number; readonly device?: Device },
): Promise<LinearShare[]> {
  const x = input("x", "float32", ["batch", ...problem.inputShape]);
  const lengths = data.lengths ? { lengths: input("lengths", "int32", ["batch"]) } : {};
  const { signals } = buildNetwork(problem.network, x, parameterInput, lengths);
  const bent = signals.filter(({ layer }) => layer.kind === "activation" && (layer as ActivationLayer).activation === "tanh");
  if (bent.length === 0 || rowsOf(data) === 0) return [];
  const near = bent.map(({ name, input: z }) => {
    const inside = ops.Cast(ops.Less(ops.Abs(z), linearLimit), { to: "float32" });
    return [name, ops.ReduceMean(inside, { keepdims: 0 })] as const;
  });
  const wanted = graph({ outputs: Object.fromEntries(near) });
  const session = await executor.compile(wanted, runtime);
  try {
    const feeds: Record<string, ReturnType<typeof tensor>> = {
      ...parameterViews(layout, theta),
      x: data.features,
      ...(data.lengths ? { lengths: data.lengths } : {}),
    };
    const found = await session.run(Object.fromEntries(wanted.inputs.map(({ name }) => [name!, feeds[name!]!])));
    return near.map(([name]) => ({ name, share: Number(found[name]!.data[0]) }));
  } finally {
    await session.dispose();
  }
}
