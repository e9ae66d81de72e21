/** Recurrent networks as one operator: RNN, GRU and LSTM. */
import { inferRecurrent, evaluateRecurrent, recurrentAttributes, type CellStep, type RecurrentAttributes } from "./recurrent.ts";
import { lstmGradient } from "./lstm-gradient.ts";
import { lstm, type LstmAttributes } from "./lstm-steps.ts";
import { recurrentGradient } from "./recurrent-gradient.ts";
import { gruPass, rnnPass } from "./recurrent-passes.ts";
import { defineOp, type Op, type SampleInput } from "./op.ts";

const zip = (f: (...xs: number[]) => number, ...arrays: readonly Float64Array[]) =>
  arrays[0]!.map((_, i) => f(...arrays.map((array) => array[i]!)));
const add = (a: number, b: number) => a + b;

/** Inputs of a sample: T steps of B sequences with I features, H hidden units; small weights, so that no state saturates. */
function inputsOf(
  gates: number,
  [steps, batch, features, hidden]: readonly [number, number, number, number],
  given: { directions?: number; bias?: boolean; lengths?: readonly number[]; h?: boolean; c?: boolean; p?: boolean; layout?: number } = {},
): SampleInput[] {
  const { directions = 1, layout = 0 } = given;
  const weights = (shape: readonly number[]) => ({ shape, range: [-0.8, 0.8] as const });
  const state = layout === 0 ? [directions, batch, hidden] : [batch, directions, hidden];
  const inputs: SampleInput[] = [
    layout === 0 ? [steps, batch, features] : [batch, steps, features],
    weights([directions, gates * hidden, features]),
    weights([directions, gates * hidden, hidden]),
    given.bias ? weights([directions, 2 * gates * hidden]) : null,
    given.lengths ? { shape: [batch], dtype: "int32", values: given.lengths } : null,
    given.h ? state : null,
    given.c ? state : null,
    given.p ? weights([directions, 3 * hidden]) : null,
  ];
  while (inputs.at(-1) === null) inputs.pop();
  return inputs;
}

const rnn = { gates: 1, clipped: 1, activations: ["Tanh"] } as const;

const rnnStep: CellStep = ({ ofInput, ofState, functions: [f] }, x, h) => ({ h: zip((a, b) => f!(a + b), ofInput(0, x), ofState(0, h)) });

/** h' = f(W·x + Wb + R·h + Rb). Outputs: every state [steps, directions, batch, hidden], the last ones [directions, batch, hidden]. */
export const RNN: Op<RecurrentAttributes, "many"> = defineOp<RecurrentAttributes, "many">({
  outputs: "many",
  arity: [3, 6],
  attributes: recurrentAttributes,
  infer: (context) => inferRecurrent(context, rnn, 1),
  evaluate: (inputs, { attributes }) => evaluateRecurrent(inputs, attributes, rnn, rnnStep).slice(0, 2),
  gradient: recurrentGradient(rnn, rnnPass),
  samples: [
    { inputs: inputsOf(1, [4, 2, 3, 2]), attributes: { hidden_size: 2 } },
    {
      inputs: inputsOf(1, [3, 2, 2, 3], { bias: true, h: true, lengths: [3, 1] }),
      attributes: { hidden_size: 3, activations: ["Sigmoid"] },
    },
    {
      inputs: inputsOf(1, [3, 3, 2, 2], { directions: 2, bias: true, h: true, lengths: [2, 3, 1] }),
      attributes: {
        hidden_size: 2,
        direction: "bidirectional",
        activations: ["Affine", "ScaledTanh"],
        activation_alpha: [0.5, 1.5],
        activation_beta: [0.25, 0.75],
      },
    },
    { inputs: inputsOf(1, [3, 1, 2, 2], { bias: true }), attributes: { hidden_size: 2, direction: "reverse", activations: ["Softplus"] } },
    ...(["Relu", "LeakyRelu", "Elu", "HardSigmoid", "Softsign", "ThresholdedRelu"] as const).map((name) => ({
      inputs: inputsOf(1, [2, 2, 2, 2], { bias: true }),
      attributes: {
        hidden_size: 2,
        activations: [name],
        ...(!["Relu", "Softsign"].includes(name) && { activation_alpha: [0.25] }),
        ...(name === "HardSigmoid" && { activation_beta: [0.4] }),
      },
    })),
    { inputs: inputsOf(1, [3, 2, 2, 2], { h: true }), attributes: { hidden_size: 2, clip: 0.75 } },
    {
      inputs: inputsOf(1, [3, 2, 4, 2], { layout: 1, h: true, directions: 2 }),
      attributes: { hidden_size: 2, layout: 1, direction: "bidirectional" },
    },
  ],
});

export interface GruAttributes extends RecurrentAttributes {
  /** Whether R·h + Rb of the candidate is computed before it is multiplied with the reset gate. */
  readonly linear_before_reset?: number;
}

const gru = { gates: 3, clipped: 2, activations: ["Sigmoid", "Tanh"] } as const;

function gruStep({ linear_before_reset = 0 }: GruAttributes): CellStep {
  return ({ ofInput, ofState, functions: [f, g] }, x, h) => {
    const gate = (index: number) => zip((a, b) => f!(a + b), ofInput(index, x), ofState(index, h));
    const [z, r] = [gate(0), gate(1)];
    const times = (a: number, b: number) => a * b;
    const inner = linear_before_reset ? zip(times, r, ofState(2, h)) : ofState(2, zip(times, r, h));
    const k = zip((a, b) => g!(a + b), ofInput(2, x), inner);
    return { h: zip((z, k, h) => (1 - z) * k + z * h, z, k, h) };
  };
}

/**
 * h' = (1 - z)·k + z·h with gates z, r = f(W·x + R·h + b), in this order, and the candidate k = g(Wₖ·x + Rₖ·(r·h) + bₖ), or
 * g(Wₖ·x + Wbₖ + r·(Rₖ·h + Rbₖ)) where it is linear before the reset. Outputs as of RNN.
 */
export const GRU: Op<GruAttributes, "many"> = defineOp<GruAttributes, "many">({
  outputs: "many",
  arity: [3, 6],
  attributes: { ...recurrentAttributes, linear_before_reset: "int" },
  infer: (context) => inferRecurrent(context, gru, 1),
  evaluate: (inputs, { attributes }) => evaluateRecurrent(inputs, attributes, gru, gruStep(attributes)).slice(0, 2),
  gradient: recurrentGradient<GruAttributes>(gru, gruPass),
  samples: [
    { inputs: inputsOf(3, [3, 2, 3, 2]), attributes: { hidden_size: 2 } },
    { inputs: inputsOf(3, [3, 2, 2, 2], { bias: true, h: true }), attributes: { hidden_size: 2, linear_before_reset: 1 } },
    {
      inputs: inputsOf(3, [3, 2, 2, 2], { bias: true, h: true, lengths: [1, 3], directions: 2 }),
      attributes: {
        hidden_size: 2,
        direction: "bidirectional",
        activations: ["Sigmoid", "Softsign", "HardSigmoid", "Tanh"],
        activation_alpha: [0.3],
        activation_beta: [0.45],
      },
    },
    {
      inputs: inputsOf(3, [3, 2, 2, 2], { bias: true, lengths: [3, 2] }),
      attributes: { hidden_size: 2, direction: "reverse", linear_before_reset: 1, clip: 0.9 },
    },
    { inputs: inputsOf(3, [3, 2, 2, 2], { h: true, layout: 1 }), attributes: { hidden_size: 2, layout: 1 } },
  ],
});

function lstmStep({ input_forget = 0 }: LstmAttributes): CellStep {
  return ({ ofInput, ofState, peephole, functions: [f, g, squash] }, x, h, before) => {
    const inner = (gate: number) => zip(add, ofInput(gate, x), ofState(gate, h));
    const peeping = (gate: number, index: number, cell: Float64Array) =>
      zip((a, p, c) => f!(a + p * c), inner(gate), peephole(index), cell);
    const i = peeping(0, 0, before);
    const forget = input_forget ? i.map((x) => 1 - x) : peeping(2, 2, before);
    const c = zip((f, c, i, a) => f * c + i * g!(a), forget, before, i, inner(3));
    return { h: zip((o, c) => o * squash!(c), peeping(1, 1, c), c), c };
  };
}

/**
 * c' = f·c + i·g and h' = o·η(c') with gates i, o, f and the candidate g of W·x + R·h + b, in this order; peepholes add Pᵢ·c, P_f·c
 * and Pₒ·c'. Outputs: every state [steps, directions, batch, hidden], the last ones, and the last cell states.
 */
export const LSTM: Op<LstmAttributes, "many"> = defineOp<LstmAttributes, "many">({
  outputs: "many",
  arity: [3, 8],
  attributes: { ...recurrentAttributes, input_forget: "int" },
  infer: (context) => inferRecurrent(context, lstm, 2),
  evaluate: (inputs, { attributes }) => evaluateRecurrent(inputs, attributes, lstm, lstmStep(attributes)),
  gradient: lstmGradient,
  samples: [
    { inputs: inputsOf(4, [3, 2, 3, 2]), attributes: { hidden_size: 2 } },
    { inputs: inputsOf(4, [3, 2, 2, 2], { bias: true, h: true, c: true, p: true }), attributes: { hidden_size: 2 } },
    {
      inputs: inputsOf(4, [3, 3, 2, 2], { bias: true, h: true, c: true, p: true, lengths: [2, 3, 1], directions: 2 }),
      attributes: {
        hidden_size: 2,
        direction: "bidirectional",
        activations: ["Sigmoid", "Tanh", "Softsign", "HardSigmoid", "ScaledTanh", "Tanh"],
        activation_alpha: [0.3, 1.25],
        activation_beta: [0.45, 0.75],
      },
    },
    { inputs: inputsOf(4, [3, 2, 2, 2], { bias: true, c: true, lengths: [1, 3] }), attributes: { hidden_size: 2, direction: "reverse" } },
    { inputs: inputsOf(4, [3, 2, 2, 2], { bias: true, c: true }), attributes: { hidden_size: 2, input_forget: 1, clip: 0.7 } },
    { inputs: inputsOf(4, [3, 1, 2, 2], { bias: true, c: true, p: true }), attributes: { hidden_size: 2, input_forget: 1 } },
    { inputs: inputsOf(4, [3, 2, 2, 2], { h: true, c: true, layout: 1 }), attributes: { hidden_size: 2, layout: 1 } },
  ],
});
