/** Faults planted in rules and gradients, for as long as a test runs. */
import type { Attributes, Value } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { losses, type LossName } from "../../src/nn/losses/index.ts";
import type { ActivationName } from "../../src/nn/activation.ts";
import { mlp } from "../../src/nn/network.ts";
import { initializeParameters, layoutParameters } from "../../src/nn/parameters.ts";
import { opRecord } from "../../src/ops/build.ts";
import type { GradientContext, GradientRule } from "../../src/ops/op.ts";
import type { LossGraph, Penalty } from "../../src/check/subject.ts";
import { problemLoss } from "../../src/check/subject.ts";
import { rng } from "../../src/util/rng.ts";

/** A rule may give fewer than it has inputs. */
export type Terms = readonly (Value | null | undefined)[];
export type Context = GradientContext<Attributes>;
export type Rule = GradientRule<Attributes>;

/** An operator's rule replaced by a wrong one while `f` runs. */
export async function withRule<T>(op: string, wrong: (terms: Terms, context: Context) => Terms, f: () => Promise<T>): Promise<T> {
  return withOtherRule(op, (right) => (context) => wrong(right(context), context).map((term) => term ?? null), f);
}

/** An operator's rule replaced by one made of the right one while `f` runs. */
export async function withOtherRule<T>(op: string, make: (right: Rule) => Rule, f: () => Promise<T>): Promise<T> {
  const record = opRecord(op) as { gradient: Rule };
  const right = record.gradient;
  record.gradient = make(right);
  try {
    return await f();
  } finally {
    record.gradient = right;
  }
}

export interface Case {
  readonly layers?: readonly number[];
  readonly activation?: ActivationName;
  readonly loss?: LossName;
  readonly outputs?: number;
  readonly rows?: number;
  readonly width?: number;
  readonly part?: "data" | "penalty" | "sum";
  readonly penalty?: Penalty;
  readonly seed?: number;
  /** Biases too, which start at zero. */
  readonly shake?: number;
}

/** A small dense network at random weights, on random rows. */
export function densePoint(options: Case = {}) {
  const { layers = [6, 5], activation = "tanh", loss = "categoricalCrossEntropy", outputs = 3, rows = 8, width = 4, seed = 1 } = options;
  const network = mlp({ layers, outputs, activation });
  const layout = layoutParameters(network, [width]);
  const theta = new Float32Array(layout.size);
  initializeParameters(layout, theta, seed);
  const draw = rng(seed, "dense point");
  for (let i = 0; i < theta.length; i++) theta[i]! += (options.shake ?? 0.1) * draw.normal();
  const features = draw.fillNormal(new Float32Array(rows * width));
  const targets = new Float32Array(rows * outputs);
  const classes = loss === "categoricalCrossEntropy";
  for (let row = 0; row < rows; row++) {
    if (classes) targets[row * outputs + draw.integer(outputs)] = 1;
    else for (let k = 0; k < outputs; k++) targets[row * outputs + k] = loss.endsWith("Entropy") ? draw.integer(2) : draw.normal();
  }
  const data = { features: tensor("float32", features, [rows, width]), targets: tensor("float32", targets, [rows, outputs]) };
  return { problem: { network, loss: losses[loss], inputShape: [width], outputs }, layout, theta, data };
}

export function denseLoss(options: Case = {}): LossGraph {
  const { part = "data", penalty } = options;
  return problemLoss({ ...densePoint(options), part, ...(penalty ? { penalty } : {}) });
}

/** The same loss with one parameter's gradient tampered with. */
export function tampered(spec: LossGraph, parameter: string, change: (gradient: Value) => Value): LossGraph {
  const gradients = spec.gradients!;
  return { ...spec, gradients: gradients.map((g, i) => (spec.parameters[i]!.name === parameter ? change(g) : g)) };
}
