/** Faults by hand in recurrent layers, attention and embeddings. */
import { constant, int64, scalar, type Value } from "../../../src/ir/graph.ts";
import { tensor } from "../../../src/ir/tensor.ts";
import { activation } from "../../../src/nn/layers/activation.ts";
import { attention } from "../../../src/nn/layers/attention.ts";
import { dense } from "../../../src/nn/layers/dense.ts";
import { embedding } from "../../../src/nn/layers/embedding.ts";
import { gru, lstm, rnn } from "../../../src/nn/layers/recurrent.ts";
import { meanOverTime, positions } from "../../../src/nn/layers/sequence.ts";
import { constantFloats, ops } from "../../../src/ops/build.ts";
import type { Context, Rule, Terms } from "../planted.ts";
import { rolled } from "./edits.ts";
import { from, type Place, type PlantedFault } from "./planted-fault.ts";
import { lossOf, type Setting } from "./problems.ts";

type Change = (terms: Terms, context: Context) => Terms;
const change = (f: Change) => from(f);

function within(where: string, setting: Setting, op: string, layer: string) {
  return (what: string, make: (right: Rule) => Rule, place: Partial<Place> = {}): PlantedFault => ({
    what,
    where,
    loss: () => lossOf(setting),
    rule: { op, make },
    place: { operator: op, layer, ...place },
  });
}

const sequences = { inputShape: [4, 2], rows: 4 } as const;
/** Something to learn before the layer, so that the gradient of what it reads is seen. */
const first = dense(3);

const simple = within("dense, RNN of 3 units, 4 steps", { ...sequences, layers: [first, rnn(3), dense(3)] }, "RNN", "rnn_1");
const short = within(
  "dense, RNN, sequences of 1 to 4 steps",
  { ...sequences, lengths: true, layers: [first, rnn(3), dense(3)] },
  "RNN",
  "rnn_1",
);

interface Variant {
  /** What the state's slope is taken from: the state after the step, or by mistake the one before. */
  readonly slopeBefore?: boolean;
  /** dR from the state after the step. */
  readonly stateAfter?: boolean;
  /** What goes back is multiplied with Rᵀ. */
  readonly transposed?: boolean;
  /** How many steps the gradient goes back. */
  readonly steps?: number;
  /** No gradient of what the step reads from the state. */
  readonly noState?: boolean;
}

/** Backpropagation through time of h' = tanh(W·x + R·h + b), step by step; x [T, B, I], Y [T, 1, B, H]. */
export const throughTime =
  ({ slopeBefore, stateAfter, transposed, steps = 99, noState }: Variant) =>
  (): Rule =>
  ({ inputs, outputs, outputGradients }) => {
    const [x, w, r] = inputs as [Value, Value, Value];
    const at = (value: Value, step: number) => ops.Squeeze(ops.Slice(value, int64([step]), int64([step + 1]), int64([0])), int64([0]));
    const without = (value: Value) => ops.Squeeze(value, int64([0]));
    const [weights, recurrent] = [without(w), without(r)];
    const length = x.shape[0] as number;
    const states = Array.from({ length }, (_, step) => without(at(outputs[0]!, step)));
    const none = ops.Mul(states[0]!, 0);
    const [dX, dW, dR, dB]: [Value[], Value[], Value[], Value[]] = [[], [], [], []];
    let dh = without((outputGradients as readonly (Value | null)[])[1]!);
    for (let step = length - 1; step >= 0; step--) {
      const [state, before] = [states[step]!, states[step - 1] ?? none];
      const h = slopeBefore ? before : state;
      const dz = ops.Mul(dh, ops.Sub(1, ops.Mul(h, h)));
      dX.unshift(ops.Unsqueeze(ops.MatMul(dz, weights), int64([0])));
      dW.push(ops.Gemm(dz, at(x, step), { transA: 1 }));
      dR.push(ops.Gemm(dz, stateAfter ? state : before, { transA: 1 }));
      dB.push(ops.ReduceSum(dz, int64([0]), { keepdims: 0 }));
      const back = transposed ? ops.Gemm(dz, recurrent, { transB: 1 }) : ops.MatMul(dz, recurrent);
      dh = length - step >= steps ? none : back;
    }
    const sum = (parts: readonly Value[]) => parts.reduce((a, b) => ops.Add(a, b));
    const one = (value: Value) => ops.Unsqueeze(value, int64([0]));
    const bias = sum(dB);
    return [ops.Concat(...dX, { axis: 0 }), one(sum(dW)), noState ? null : one(sum(dR)), one(ops.Concat(bias, bias, { axis: 0 }))];
  };

const withoutLengths =
  (right: Rule): Rule =>
  (context) =>
    right({ ...context, inputs: context.inputs.map((value, i) => (i === 4 ? null : value)) as unknown as readonly Value[] });

const inRnn: readonly PlantedFault[] = [
  simple("the gradient goes back one step too few", throughTime({ steps: 3 })),
  simple("the last step alone", throughTime({ steps: 1 })),
  simple("dR from the state after the step", throughTime({ stateAfter: true }), { input: "rnn_1/R" }),
  simple("what goes back is multiplied with Rᵀ", throughTime({ transposed: true })),
  simple("tanh's slope at the state before", throughTime({ slopeBefore: true })),
  simple("no gradient of R", throughTime({ noState: true }), { input: "rnn_1/R" }),
  short("lengths ignored on the way back", withoutLengths),
];

const longShort: Setting = { ...sequences, layers: [first, lstm(3), dense(3)] };
const inLstm = within("dense, LSTM of 3 units, 4 steps", longShort, "LSTM", "lstm_1");
const shortLstm = within("dense, LSTM, sequences of 1 to 4 steps", { ...longShort, lengths: true }, "LSTM", "lstm_1");
const allSteps = within(
  "dense, LSTM of every step, mean over time",
  { ...sequences, layers: [first, lstm(3, { sequences: true }), meanOverTime(), dense(3)] },
  "LSTM",
  "lstm_1",
);
const bothWays = within(
  "dense, LSTM both ways",
  { ...sequences, layers: [first, lstm(3, { bidirectional: true }), dense(3)] },
  "LSTM",
  "lstm_1",
);

/** Blocks of three units in another order along axis 1. */
function blocks(value: Value, order: readonly number[]): Value {
  return ops.Gather(value, int64(order.flatMap((block) => [0, 1, 2].map((unit) => 3 * block + unit))), { axis: 1 });
}

/** Factors of blocks of three units, beside [directions, units, …] or [directions, units]. */
function perBlock(like: Value, factors: readonly number[]): Value {
  const numbers = factors.flatMap((factor) => [factor, factor, factor]);
  const shape = like.shape.length === 3 ? [numbers.length, 1] : [numbers.length];
  return ops.Mul(like, ops.Cast(constant(tensor("float32", Float32Array.from(numbers), shape)), { to: like.dtype }));
}

/** Gates are input, output, forget, cell; the bias has them twice. */
const weightsIn =
  (gates: number) =>
  (order: readonly number[]): Change =>
  ([dx, dw, dr, db]) => [
    dx!,
    dw && blocks(dw, order),
    dr && blocks(dr, order),
    db && blocks(db, [...order, ...order.map((gate) => gate + gates)]),
  ];

const ofLstm = weightsIn(4);
const noForget = [1, 1, 0, 1];

const inLongShort: readonly PlantedFault[] = [
  inLstm("gates in PyTorch's order: forget and cell swapped", change(ofLstm([0, 1, 3, 2]))),
  inLstm("input and output gate swapped", change(ofLstm([1, 0, 2, 3]))),
  inLstm(
    "no gradient of the forget gate",
    change(([dx, dw, dr, db]) => [
      dx!,
      dw && perBlock(dw, noForget),
      dr && perBlock(dr, noForget),
      db && perBlock(db, [...noForget, ...noForget]),
    ]),
  ),
  inLstm(
    "no gradient of the forget gate's bias",
    change(([dx, dw, dr, db]) => [dx!, dw!, dr!, db && perBlock(db, [...noForget, ...noForget])]),
    {
      input: "lstm_1/b",
    },
  ),
  inLstm(
    "the recurrent half of the bias left out",
    change(([dx, dw, dr, db]) => [dx!, dw!, dr!, db && perBlock(db, [1, 1, 1, 1, 0, 0, 0, 0])]),
    {
      input: "lstm_1/b",
    },
  ),
  inLstm(
    "dR transposed within each gate",
    change(([dx, dw, dr, db]) => [
      dx!,
      dw!,
      dr && ops.Reshape(ops.Transpose(ops.Reshape(dr, int64([1, 4, 3, 3])), { perm: [0, 1, 3, 2] }), int64([1, 12, 3])),
      db!,
    ]),
    { input: "lstm_1/R" },
  ),
  inLstm(
    "the first step reads nothing",
    change(([dx, dw, dr, db]) => [
      dx && ops.Mul(dx, ops.Cast(constant(tensor("float32", Float32Array.of(0, 1, 1, 1), [4, 1, 1])), { to: dx.dtype })),
      dw!,
      dr!,
      db!,
    ]),
    { input: 0 },
  ),
  inLstm(
    "steps off by one",
    change(([dx, dw, dr, db]) => [dx && rolled(dx, 0), dw!, dr!, db!]),
    { input: 0 },
  ),
  shortLstm("lengths ignored on the way back", withoutLengths),
  allSteps("the last step's output alone", (right) => (context) => {
    const [dy, ...rest] = context.outputGradients;
    const last = ops.Cast(constant(tensor("float32", Float32Array.of(0, 0, 0, 1), [4, 1, 1, 1])), { to: dy.dtype });
    return right({ ...context, outputGradients: [ops.Mul(dy, last), ...rest] });
  }),
  bothWays(
    "the directions swapped in dW",
    change(([dx, dw, dr, db]) => [dx!, dw && ops.Gather(dw, int64([1, 0]), { axis: 0 }), dr!, db!]),
    {
      input: "lstm_1/W",
    },
  ),
];

const gated: Setting = { ...sequences, layers: [first, gru(3), dense(3)] };
const inGru = within("dense, GRU of 3 units, 4 steps", gated, "GRU", "gru_1");
const shortGru = within("dense, GRU, sequences of 1 to 4 steps", { ...gated, lengths: true }, "GRU", "gru_1");

const inGated: readonly PlantedFault[] = [
  inGru(
    "the reset gate before the product",
    (right) => (context) => right({ ...context, attributes: { ...context.attributes, linear_before_reset: 0 } }),
  ),
  inGru("update and reset gate swapped", change(weightsIn(3)([1, 0, 2]))),
  inGru(
    "dR twice its size",
    change(([dx, dw, dr, db]) => [dx!, dw!, dr && ops.Mul(dr, 2), db!]),
    { input: "gru_1/R" },
  ),
  shortGru("lengths ignored on the way back", withoutLengths),
];

// Two steps of two heads of two features: all products are square.
const looking: Setting = { inputShape: [2, 4], rows: 4, layers: [dense(4), attention(2), activation("tanh"), meanOverTime(), dense(3)] };
const inAttention = (op: string) => within("dense, attention with two heads", looking, op, "attention_1");
const inMasked = within(
  "dense, attention over sequences of 1 to 3 steps",
  { inputShape: [3, 4], rows: 4, lengths: true, layers: [dense(4), attention(2), activation("tanh"), meanOverTime(), dense(3)] },
  "Where",
  "attention_1",
);
const isScale = (value: Value | null | undefined) => value && constantFloats(value)?.length === 1;
const ofHeads = (value: Value) => value.shape.length === 4;

const inHeads: readonly PlantedFault[] = [
  inAttention("Mul")(
    "1/√d missing on the way back",
    change(([a, b], { inputs: [, scale], outputGradients: [dy] }) => (isScale(scale) ? [dy, null] : [a!, b!])),
  ),
  inAttention("Mul")(
    "1/d for 1/√d",
    change(([a, b], { inputs: [, scale] }) => (a && isScale(scale) ? [ops.Mul(a, Math.SQRT1_2), null] : [a!, b!])),
  ),
  inAttention("Softmax")(
    "softmax by its diagonal alone",
    change((_, { outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, ops.Mul(y!, ops.Sub(1, y!)))]),
  ),
  inAttention("Softmax")(
    "without the sum",
    change((_, { outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, y!)]),
  ),
  inAttention("Softmax")("over the steps that ask", (right) => (context) => right({ ...context, attributes: { axis: -2 } })),
  inAttention("Softmax")(
    "the weights held constant",
    change(() => [null]),
  ),
  inAttention("Split")("keys and values swapped", (right) => (context) => {
    const [q, k, v] = context.outputGradients as readonly [Value, Value, Value];
    return right({ ...context, outputGradients: [q, v, k] });
  }),
  inAttention("Split")("queries and keys swapped", (right) => (context) => {
    const [q, k, v] = context.outputGradients as readonly [Value, Value, Value];
    return right({ ...context, outputGradients: [k, q, v] });
  }),
  inAttention("Transpose")(
    "the permutation for its inverse",
    change(([d], { attributes, outputGradients: [dy] }) => {
      const perm = attributes["perm"] as number[];
      return [perm[3] === 1 ? ops.Transpose(dy, { perm }) : d!];
    }),
  ),
  inAttention("MatMul")(
    "the values' weights not transposed",
    change(([a, b], { inputs: [weights], outputGradients: [dy] }) => [a!, b && ofHeads(weights!) ? ops.MatMul(weights!, dy) : b!]),
  ),
  inMasked(
    "the hidden steps pass, the others do not",
    change(([condition, a, b], { inputs: [shown], outputGradients: [dy] }) => [
      condition!,
      a && ops.Mul(dy, ops.Cast(ops.Not(shown!), { to: dy.dtype })),
      b!,
    ]),
  ),
];

const words: Setting = { inputShape: [6], rows: 4, tokens: 4, layers: [embedding(5, 3), activation("tanh"), meanOverTime(), dense(3)] };
const inEmbedding = within("embedding of 5 tokens, mean over 6 steps", words, "Gather", "embedding_1");
const averaged = within(
  "dense, mean over 1 to 4 steps",
  { ...sequences, lengths: true, layers: [first, activation("tanh"), meanOverTime(), dense(3)] },
  "Div",
  "meanOverTime_1",
);
const placed = within(
  "dense, positions, tanh, mean over 4 steps",
  { ...sequences, layers: [first, positions(), activation("tanh"), meanOverTime(), dense(3)] },
  "Add",
  "positions_1",
);

const inWords: readonly PlantedFault[] = [
  inEmbedding(
    "a repeated token overwrites instead of adding",
    change((_, { inputs: [w, at], outputGradients: [dy] }) => [ops.ScatterND(ops.Mul(w!, 0), ops.Unsqueeze(at!, int64([2])), dy), null]),
  ),
  inEmbedding("the token after it", (right) => (context) => {
    const [w, at] = context.inputs as [Value, Value];
    return right({ ...context, inputs: [w, ops.Add(at, scalar("int64", 1))] });
  }),
  inEmbedding(
    "no gradient of the first token",
    change(([d]) => [
      d && ops.Mul(d, ops.Cast(constant(tensor("float32", Float32Array.of(0, 1, 1, 1, 1), [5, 1])), { to: d.dtype })),
      null,
    ]),
  ),
  inEmbedding(
    "the mean over sequences",
    change(([d]) => [d && ops.Mul(d, 1 / 4), null]),
  ),
  averaged(
    "divided by the steps of the longest",
    change((_, { outputGradients: [dy] }) => [ops.Div(dy, 4), null]),
  ),
  placed(
    "the mean over the batch",
    change(([a, b], { inputs: [x, w], outputGradients: [dy] }) =>
      x!.shape.length === 3 && w!.shape[0] === 4 ? [a!, b && ops.ReduceMean(dy, { axes: [0], keepdims: 0 })] : [a!, b!],
    ),
    { input: "positions_1/W" },
  ),
];

export const sequenceFaults: readonly PlantedFault[] = [...inRnn, ...inLongShort, ...inGated, ...inHeads, ...inWords];

/** RNN's rule, step by step, without a fault. */
export const rightThroughTime = {
  op: "RNN",
  make: throughTime({}),
  loss: () => lossOf({ ...sequences, layers: [first, rnn(3), dense(3)] }),
};

/** What a hidden step's score gets back: nothing comes to it, so that passing everything is no fault. */
export const hiddenSteps = {
  what: "Where: what is hidden passes as well (attention over sequences of 1 to 3 steps)",
  op: "Where",
  make: from((_, { outputGradients: [dy] }) => [null, dy, null]),
  loss: () =>
    lossOf({ inputShape: [3, 4], rows: 4, lengths: true, layers: [dense(4), attention(2), activation("tanh"), meanOverTime(), dense(3)] }),
};
