import { short } from "../../util/format.ts";
import { defineMonitor, type StepLook } from "../monitor.ts";
import { awake, knownNothing, median } from "./reading.ts";

/** ‖∇penalty‖ / ‖∇data‖ over all weights; of decoupled decay what it takes off against what the step did besides. */
function pull({ tensors }: StepLook): number {
  const pulled = tensors.filter(({ penalty }) => penalty !== undefined);
  const length = (figure: (tensor: (typeof pulled)[number]) => number) => Math.hypot(...pulled.map(figure));
  return length(({ penalty }) => penalty!) / length(({ gradient, learnt }) => learnt ?? gradient);
}

/** The length of the tensor that lost most, against the first look. */
function shrunk(looks: readonly StepLook[]): number {
  const first = new Map(looks[0]!.tensors.map(({ name, weight }) => [name, weight]));
  return Math.min(
    ...looks
      .at(-1)!
      .tensors.filter(({ penalty }) => penalty !== undefined)
      .map(({ name, weight }) => weight / first.get(name)!),
  );
}

export const penaltyDominates = defineMonitor({
  name: "penalty-dominates",
  title: "penalty",
  what:
    "The length of the penalty's gradient against that of the data's, over all weights that are penalised; of decoupled decay, what it takes " +
    "off the weights against what the step does to them besides. The two are equal where a training comes to rest, so a penalty dominates " +
    "where it is the longer of the two for several looks, or holds its own and weights have shrunk to a part of their length while the loss is no small part of what an answer costs that knows nothing.",
  source: "TheDeepChecker (twice, five times); the second condition and the lower limit derived",
  leadsTo: ["not-decreasing", "vanishing-gradient", "dead-units", "update-ratio"],
  limits: {
    looks: { value: 5, means: "looks that follow each other" },
    ratio: { value: 2, means: "ratio that all of them must exceed, which warns" },
    even: { value: 0.3, means: "or their median, where the loss is" },
    loss: { value: 0.15, means: "above this share of what knowing nothing costs after a tenth of the training" },
    shrunk: { value: 0.4, means: "and if a tensor is below this share of its first length" },
    weak: { value: 1e-4, means: "below this median ratio over all looks, of twice as many, the penalty does nothing: a note" },
  },
  judge(record, limits) {
    const looks = awake(record).filter(({ tensors }) => tensors.some(({ penalty }) => penalty !== undefined));
    if (looks.length < limits.looks) return undefined;
    const ratios = looks.slice(-limits.looks).map(pull);
    const [ratio, least] = [median(ratios), Math.min(...ratios)];
    const loss = record.epochs.at(-1)?.loss ?? NaN;
    const share = loss / knownNothing(record);
    const { facts } = record;
    const begun = (record.epochs.at(-1)?.epoch ?? 0) >= Math.max(2, facts.epochs / 10);
    const numbers = { ratio, share, step: looks.at(-1)!.step };
    if (least > limits.ratio || (ratio > limits.even && share > limits.loss && begun && shrunk(looks) < limits.shrunk)) {
      const message = `the penalty pulls ${short(ratio)} times as hard as the data, and the loss is ${short(share)} of what knowing nothing costs`;
      return { severity: "warn", message, hint: "a smaller λ: a tenth of it", numbers };
    }
    const all = median(looks.map(pull));
    if (looks.length < 2 * limits.looks || all >= limits.weak) return undefined;
    const message = `the penalty pulls ${short(all)} times as hard as the data: it changes nothing`;
    return { severity: "note", message, hint: "a larger λ, or none", numbers: { ...numbers, ratio: all } };
  },
});
