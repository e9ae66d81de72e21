import { tensor, type Tensor } from "../../ir/tensor.ts";
import { parameterViews } from "../../nn/parameters.ts";
import { rowsOf } from "../../train/dataset.ts";
import { createMasks } from "../../train/masks.ts";
import { gradientGraph, masksOf } from "../../train/step-graph.ts";
import { short } from "../../util/format.ts";
import { defineRule, type PreflightContext } from "../rule.ts";

const examples = 16;
const times = 3;

/** The very step of training, on a batch and on the batch three times over. */
export const reduction = defineRule({
  name: "reduction",
  title: "loss is a mean",
  what:
    "A batch repeated three times has the same mean loss and the same gradient, masks repeated with it. A sum in place of the mean gives three " +
    "times as much, and a learning rate that depends on the batch size.",
  source: "TheDeepChecker",
  when: "check",
  limits: { tolerance: { value: 1e-4, means: "relative difference of the loss, or of the gradient's length, above which it fails" } },
  async check(context, { tolerance }) {
    if (rowsOf(context.data) < 2) return [{ severity: "note", message: "fewer than two rows: a batch of one is no mean" }];
    const [one, more] = await stepTwice(context);
    if (![one, more].every(({ loss, length }) => Number.isFinite(loss) && Number.isFinite(length))) {
      const message = `the loss is ${short(one.loss)}, its gradient's length ${short(one.length)}: nothing to compare`;
      return [{ severity: "fail", message, hint: "look at the inputs and at the weights" }];
    }
    const off = (a: number, b: number) => (a === b ? 0 : Math.abs(b - a) / Math.max(Math.abs(a), Math.abs(b), Number.MIN_VALUE));
    const numbers = { loss: one.loss, repeated: more.loss, gradient: one.length, gradientRepeated: more.length };
    const [loss, slope] = [off(one.loss, more.loss), off(one.length, more.length)];
    if (loss <= tolerance && slope <= tolerance) {
      return [
        { severity: "pass", message: `a batch repeated ${times} times gives the same loss, ${short(one.loss)}, and gradient`, numbers },
      ];
    }
    const what =
      loss > tolerance
        ? `the loss goes from ${short(one.loss)} to ${short(more.loss)}`
        : `the loss stays, but the gradient's length goes from ${short(one.length)} to ${short(more.length)}`;
    const hint = "a loss gives one number per example, which depends on that example alone; the mean is taken by the step";
    return [{ severity: "fail", message: `when a batch is repeated ${times} times ${what}`, hint, numbers }];
  },
});

async function stepTwice({ problem, layout, theta, data, seed, executor, runtime }: PreflightContext) {
  const session = await executor.compile(gradientGraph(problem, layout), runtime);
  const rows = Math.min(examples, rowsOf(data));
  const drawn = createMasks(masksOf(problem), seed).draw(1, rows);
  const step = async (copies: number) => {
    const batch = rows * copies;
    const masks = Object.entries(drawn).map(([name, mask]) => [name, repeated(mask, copies)] as const);
    const found = await session.run({
      ...parameterViews(layout, theta),
      features: data.features,
      targets: data.targets,
      ...(data.lengths ? { lengths: data.lengths } : {}),
      ...Object.fromEntries(masks),
      rows: tensor(
        "int32",
        Int32Array.from({ length: batch }, (_, i) => i % rows),
      ),
      share: tensor("float32", 1 / batch),
    });
    let squares = 0;
    for (const [name, { data: values }] of Object.entries(found)) {
      if (name.startsWith("gradient/")) for (const g of values as Float32Array) squares += g * g;
    }
    return { loss: Number(found["loss"]!.data[0]), length: Math.sqrt(squares) };
  };
  try {
    return [await step(1), await step(times)] as const;
  } finally {
    await session.dispose();
  }
}

function repeated({ data, shape }: Tensor, copies: number): Tensor {
  const all = new Float32Array(data.length * copies);
  for (let copy = 0; copy < copies; copy++) all.set(data as Float32Array, copy * data.length);
  return tensor("float32", all, [shape[0]! * copies, ...shape.slice(1)]);
}
