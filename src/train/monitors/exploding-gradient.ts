import { short } from "../../util/format.ts";
import { defineMonitor, type StepLook } from "../monitor.ts";
import { awake, median, rms, weightMedians, weightsOf } from "./reading.ts";

const lengthOf = ({ tensors }: StepLook) => Math.hypot(...tensors.map(({ gradient }) => gradient));

/** The gradient grows on its way back, or from step to step. */
export const explodingGradient = defineMonitor({
  name: "exploding-gradient",
  title: "exploding",
  what:
    "The root mean square of the gradient of each layer's weights against the last layer's, at the first step and as the median over the last looks: " +
    "steps that are far too long wreck a network before a median shows them. And the length of " +
    "the whole gradient against its running median, which it must exceed twice within a hundred steps or in looks that follow each other.",
  source: "AutoTrainer (ratio 70, measured anew); the jumps derived",
  leadsTo: [
    "non-finite",
    "diverging",
    "oscillating",
    "dead-units",
    "saturation",
    "update-ratio",
    "not-decreasing",
    "train-eval-switch",
    "vanishing-gradient",
    "penalty-dominates",
  ],
  limits: {
    looks: { value: 5, means: "looks that the median is of; before so many only the first counts" },
    ratio: { value: 8, means: "ratio of the gradients above which it warns" },
    jump: { value: 10, means: "times its running median that the gradient's length must reach" },
    before: { value: 5, means: "looks that the running median is of, at least" },
  },
  judge(record, limits) {
    const looks = awake(record);
    const first = looks.filter(({ step }) => step === 1);
    if (looks.length < limits.looks) return byDepth(first, limits);
    return byDepth(first, limits) ?? byDepth(looks.slice(-limits.looks), limits) ?? byTime(looks, limits);
  },
});

type Limits = Readonly<Record<"ratio" | "jump" | "before", number>>;

const hint = "clip gradients by their norm, start with smaller weights (heNormal, lecunNormal, orthogonal), or lower the learning rate";

function byDepth(looks: readonly StepLook[], limits: Limits) {
  const last = looks.length === 0 ? undefined : weightsOf(looks.at(-1)!).at(-1)?.name;
  if (last === undefined) return undefined;
  const ratios = [...weightMedians(looks, (tensor, look) => rms(tensor) / rms(look.tensors.find(({ name }) => name === last)!))];
  const [name, ratio] = ratios.reduce((a, b) => (b[1] > a[1] ? b : a));
  if (!(ratio > limits.ratio)) return undefined;
  const message = `the gradient of ${name} is ${short(ratio)} times the last layer's`;
  return { severity: "warn" as const, subject: name, message, hint, numbers: { ratio, step: looks.at(-1)!.step } };
}

function byTime(looks: readonly StepLook[], limits: Limits) {
  const lengths = looks.map(lengthOf);
  const jumps = lengths.map((length, i) => (i < limits.before ? 0 : length / median(lengths.slice(0, i))));
  const [i, j] = [jumps.length - 2, jumps.length - 1];
  if (!(jumps[j]! > limits.jump)) return undefined;
  const within = looks.findLastIndex(({ step }, k) => k < j && jumps[k]! > limits.jump && (k === i || looks[j]!.step - step <= 100));
  if (within < 0) return undefined;
  const message = `the gradient's length is ${short(jumps[j]!)} times its running median, for the second time`;
  return { severity: "warn" as const, message, hint, numbers: { jump: jumps[j]!, step: looks[j]!.step } };
}
