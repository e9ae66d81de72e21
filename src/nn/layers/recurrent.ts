/** Recurrent layers over [batch, time, features]: simple RNN (Elman 1990), LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014). */
import { int64, type Value } from "../../ir/graph.ts";
import { ops } from "../../ops/build.ts";
import type { Initializer } from "../initializer.ts";
import { orthogonal } from "../initializers/orthogonal.ts";
import type { LayerContext, LayerDefinition } from "../layer.ts";
import { checkCount, knownSizes } from "./numbers.ts";

interface RecurrentOptions {
  /** Reads the sequence backwards as well; the outputs of both directions stand side by side. */
  readonly bidirectional?: boolean;
  /** Gives every time step's output, [batch, time, units], rather than the last valid one's, [batch, units]. */
  readonly sequences?: boolean;
}

export interface Recurrent extends RecurrentOptions {
  readonly kind: "rnn" | "lstm" | "gru";
  readonly units: number;
}

/** h = tanh(x·Wᵀ + h·Rᵀ + b) */
export function rnn(units: number, options: RecurrentOptions = {}): Recurrent {
  return { kind: "rnn", units, ...options };
}

/** With cell and gates; the forget gate's bias starts at 1 (Jozefowicz et al. 2015). */
export function lstm(units: number, options: RecurrentOptions = {}): Recurrent {
  return { kind: "lstm", units, ...options };
}

/** The reset gate applies after the recurrent product, as in cuDNN and PyTorch. */
export function gru(units: number, options: RecurrentOptions = {}): Recurrent {
  return { kind: "gru", units, ...options };
}

const gates = { rnn: 1, lstm: 4, gru: 3 };

/** Every gate's recurrent matrix is orthogonal (Saxe et al. 2014). */
const orthogonalGates: Initializer = {
  name: "orthogonal per gate",
  formula: "Q of a random matrix",
  fill(weights, { fanIn: units }, rng) {
    const square = units * units;
    for (let at = 0; at < weights.length; at += square) {
      orthogonal.fill(weights.subarray(at, at + square), { fanIn: units, fanOut: units }, rng);
    }
  },
};

/** ONNX's order is input, output, forget, cell; half of the bias belongs to the recurrent product. */
const forgetGate: Initializer = {
  name: "zeros, forget gate 1",
  formula: "0, forget gate 1",
  fill(biases, { fanOut: units }) {
    biases.fill(0);
    for (let at = 0; at < biases.length; at += 8 * units) biases.fill(1, at + 2 * units, at + 3 * units);
  },
};

function recurrent(kind: Recurrent["kind"]): LayerDefinition<Recurrent> {
  return {
    kind,
    build({ units, bidirectional = false, sequences = false }, x, context) {
      const { name, lengths } = context;
      checkCount(name, "units", units);
      const [, features] = knownSizes(name, x, "[batch, time, features]", [3]) as [number, number];
      const directions = bidirectional ? 2 : 1;
      const { w, r, b } = parametersOf(kind, { units, features, directions }, context);
      const byTime = ops.Transpose(x, { perm: [1, 0, 2] });
      const inputs = [byTime, w, r, b, lengths ?? null] as const;
      const attributes = { hidden_size: units, direction: bidirectional ? "bidirectional" : "forward" };
      const [all, last] = run(kind, inputs, attributes);
      // [time, directions, batch, units] and [directions, batch, units].
      if (!sequences) return ops.Reshape(ops.Transpose(last, { perm: [1, 0, 2] }), int64([-1, directions * units]));
      return ops.Reshape(ops.Transpose(all, { perm: [2, 0, 1, 3] }), int64([0, 0, directions * units]));
    },
    describe: ({ units, bidirectional, sequences }) =>
      [`${units} units`, ...(bidirectional ? ["both directions"] : []), ...(sequences ? ["every step"] : [])].join(", "),
  };
}

function parametersOf(
  kind: Recurrent["kind"],
  { units, features, directions }: { units: number; features: number; directions: number },
  { parameter }: LayerContext,
): { w: Value; r: Value; b: Value } {
  const rows = gates[kind] * units;
  const input = { fanIn: features, fanOut: units, rows: directions * rows };
  const own = { fanIn: units, fanOut: units };
  return {
    w: parameter({ name: "W", shape: [directions, rows, features], role: "weight", initializer: "glorotUniform", ...input }),
    r: parameter({ name: "R", shape: [directions, rows, units], role: "weight", initializer: orthogonalGates, ...own }),
    b: parameter({ name: "b", shape: [directions, 2 * rows], role: "bias", initializer: kind === "lstm" ? forgetGate : "zeros", ...own }),
  };
}

type Inputs = readonly [Value, Value, Value, Value, Value | null];

function run(kind: Recurrent["kind"], inputs: Inputs, attributes: { hidden_size: number; direction: string }): readonly [Value, Value] {
  if (kind === "gru") return ops.GRU(...inputs, { ...attributes, linear_before_reset: 1 }) as unknown as [Value, Value];
  const outputs = kind === "lstm" ? ops.LSTM(...inputs, attributes) : ops.RNN(...inputs, attributes);
  return outputs as unknown as [Value, Value];
}

export const rnnLayer = recurrent("rnn");
export const lstmLayer = recurrent("lstm");
export const gruLayer = recurrent("gru");
