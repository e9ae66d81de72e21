import type { LossName } from "../../nn/losses/index.ts";
import { createEvaluator } from "../../train/evaluate.ts";
import { rowsOf, sliceDataset } from "../../train/dataset.ts";
import { firstNonFinite } from "../../train/divergence.ts";
import { short } from "../../util/format.ts";
import { rng } from "../../util/rng.ts";
import { layersOf } from "../chain.ts";
import { exampleLosses } from "../constant-answer.ts";
import { defineRule, type PreflightContext } from "../rule.ts";

const examples = 256;

/** L0 against L*: what the output layer's biases alone cost, which know nothing of the inputs. */
export const initialLoss = defineRule({
  name: "initial-loss",
  title: "loss at start",
  what:
    "The mean loss of the initial weights, L0, against L*, what the output layer's biases alone cost: log C where they are zero, H(prior) " +
    "where they hold the prior, Var(y) for squared errors. Chance may make a first answer good or bad, so L0 is the mean over the outputs and " +
    "their mirror image about the biases, which no convex loss lets fall below L*. Upwards it is held against what random outputs of variance 1 " +
    "cost, which is what a normalised output layer gives: 2·Var(y) for squared errors of standardised targets.",
  source: "CS231n; Karpathy 2019; limits after NeuroScope; the mirror image and the allowance for the outputs' own variance derived",
  when: "start",
  limits: {
    passFrom: { value: 0.8, means: "L0/L* from here on passes" },
    warnFrom: { value: 0.5, means: "below `passFrom` warns, below this fails" },
    passTo: { value: 1.5, means: "L0 over the upper yardstick up to here passes" },
    warnTo: { value: 2, means: "above `passTo` warns, above this fails" },
  },
  async check(context, limits) {
    const { problem } = context;
    const yardstick = yardstickOf(context);
    if (!yardstick)
      return [{ severity: "note", message: `loss ${problem.loss.name} is your own: what it costs at the start is not known` }];
    const { loss, mirrored } = await lossesAtStart(context);
    const { constant, random, name } = yardstick;
    const mean = (loss + mirrored) / 2;
    const [low, high] = [mean / constant, mean / Math.max(constant, random)];
    const numbers = { loss, mirrored, constant, random, ratio: low };
    const compared = `${short(loss)}, expected ${name} = ${short(constant)}`;
    if (!Number.isFinite(mean)) {
      const subject = await firstBroken(context);
      const message = `${compared}: the loss is not finite before the first step; the first that is not: ${subject}`;
      return [{ severity: "fail", subject, message, hint: "look at the inputs and at the initial weights", numbers }];
    }
    if (low >= limits.passFrom && high <= limits.passTo) return [{ severity: "pass", message: compared, numbers }];
    const severity = low < limits.warnFrom || high > limits.warnTo ? "fail" : "warn";
    const hint =
      low < 1
        ? "a network that knows nothing cannot be that good: does the loss see the targets?"
        : "sure of itself and wrong: outputs too large at the start (initialisation, inputs not standardised), or a loss summed where a mean was meant";
    return [{ severity, message: `${compared}: ${short(low)} times as much`, hint, numbers }];
  },
});

/** The first tensor that is not finite: of the data, then of a step in forward order. */
async function firstBroken(context: PreflightContext): Promise<string> {
  const { features, targets } = context.data;
  for (const [name, { data }] of [["the inputs", features] as const, ["the targets", targets] as const]) {
    if (!(data as Float32Array).every(Number.isFinite)) return name;
  }
  const rows = Int32Array.from({ length: Math.min(examples, rowsOf(context.data)) }, (_, row) => row);
  return (await firstNonFinite({ ...context, rows, step: 1 })).tensor;
}

/** The mean loss, and that of the same outputs mirrored about the output layer's biases. */
async function lossesAtStart({ problem, layout, theta, data, executor, runtime }: PreflightContext) {
  const sample = sliceDataset(data, 0, Math.min(examples, rowsOf(data)));
  const last = layersOf(problem).at(-1)!;
  const weights = last.layer.kind === "dense" ? layout.slots.find(({ name }) => name === `${last.name}/W`) : undefined;
  const evaluator = await createEvaluator(problem, layout, executor, { ...runtime });
  try {
    const meanLoss = async (at: Float32Array) => {
      const { loss } = await evaluator.evaluate(at, sample);
      return loss.reduce((a, b) => a + b, 0) / loss.length;
    };
    const loss = await meanLoss(theta);
    if (!weights) return { loss, mirrored: loss };
    const other = theta.slice();
    for (let i = weights.offset; i < weights.offset + weights.size; i++) other[i] = -other[i]!;
    return { loss, mirrored: await meanLoss(other) };
  } finally {
    await evaluator.dispose();
  }
}

function yardstickOf({ problem, layout, theta, data, seed }: PreflightContext) {
  const { loss, outputs } = problem;
  const cost = Object.hasOwn(exampleLosses, loss.name) ? exampleLosses[loss.name as LossName] : undefined;
  if (!cost) return undefined;
  const rows = Math.min(examples, rowsOf(data));
  const last = layersOf(problem).at(-1)!;
  const slot = last.layer.kind === "dense" ? layout.slots.find(({ name }) => name === `${last.name}/b`) : undefined;
  const bias = slot ? Array.from(theta.subarray(slot.offset, slot.offset + slot.size)) : new Array<number>(outputs).fill(0);
  const draw = rng(seed, "preflight outputs");
  const targets = data.targets.data as Float32Array;
  let [constant, random] = [0, 0];
  for (let row = 0; row < rows; row++) {
    const y = Array.from(targets.subarray(row * outputs, (row + 1) * outputs));
    constant += cost(bias, y) / rows;
    random +=
      cost(
        bias.map((b) => b + draw.normal()),
        y,
      ) / rows;
  }
  const zero = bias.every((b) => b === 0);
  const names = {
    softmax: zero ? `log ${outputs}` : "H(prior)",
    sigmoid: zero ? "log 2" : "H(prior)",
    identity: zero && loss.name === "meanSquared" ? "Var(y)" : "a constant answer's",
  };
  return { constant, random, name: names[loss.prediction] };
}
