import { short } from "../../util/format.ts";
import { defineMonitor, type StepLook } from "../monitor.ts";
import { agreements, average, awake, knownNothing, median, weightMedians } from "./reading.ts";

const longest = (looks: readonly StepLook[]) => Math.max(0, ...weightMedians(looks, ({ update, weight }) => update / weight).values());

/** ‖Δw‖/‖w‖ of each weight tensor. */
export const updateRatio = defineMonitor({
  name: "update-ratio",
  title: "update ratio",
  what:
    "The length of a step against that of the weights, ‖Δw‖/‖w‖, tensor by tensor, the median over the last looks; 10⁻³ is usual. Biases and " +
    "tensors that start at zero are left out, and so are steps whose learning rate a schedule has brought below a tenth of the highest. Too " +
    "long counts where any tensor's is; too short, where every tensor's is, or so short that they could not have taken the weights far had they all pointed one way, and half of the epochs brought little. " +
    "The first looks are judged by themselves: where they are far too long, what follows may look calm.",
  source: "CS231n (10⁻³); NeuroScope, TheDeepChecker and DeepDiagnosis (limits); limits measured again, see the table",
  leadsTo: [
    "exploding-gradient",
    "diverging",
    "oscillating",
    "non-finite",
    "dead-units",
    "saturation",
    "vanishing-gradient",
    "train-eval-switch",
    "not-decreasing",
    "penalty-dominates",
  ],
  limits: {
    looks: { value: 5, means: "looks that the median is of; before so many it says nothing" },
    first: { value: 5, means: "first steps that are not counted: they may be long" },
    low: { value: 3e-5, means: "every tensor's ratio below this warns" },
    lowest: { value: 1e-6, means: "below this it fails" },
    way: {
      value: 0.3,
      means: "the median tensor's, times the steps of the whole training, below this warns too, once half of the epochs are done",
    },
    loss: { value: 0.35, means: "if the loss is then still above this share of what knowing nothing costs" },
    agree: { value: 0.15, means: "and if the gradients of half batches agree by this share: else noise holds it up, and no short steps" },
    high: { value: 0.15, means: "any tensor's ratio above this warns" },
    start: { value: 0.33, means: "any tensor's median over the first looks above this warns, the first steps included" },
    wild: { value: 2, means: "above this in a few looks in a row it fails at once, the first steps included" },
    few: { value: 3, means: "how many those are" },
    highest: { value: 0.5, means: "above this it fails" },
  },
  judge(record, limits) {
    const all = awake(record);
    const wild = all.slice(-limits.few);
    const first = all.slice(0, limits.looks);
    const looks =
      wild.length === limits.few && wild.every((look) => longest([look]) > limits.wild)
        ? wild
        : first.length === limits.looks && longest(first) > Math.max(limits.start, limits.high)
          ? first
          : all.filter(({ step }) => step > limits.first).slice(-limits.looks);
    if (looks !== wild && looks.length < limits.looks) return undefined;
    const medians = [...weightMedians(looks, ({ update, weight }) => update / weight)];
    if (medians.length === 0) return undefined;
    const [name, most] = medians.reduce((a, b) => (b[1] > a[1] ? b : a));
    const rate = looks.at(-1)!.learningRate;
    const numbers = { ratio: most, learningRate: rate, steps: looks.at(-1)!.step };
    if (most > limits.high) {
      return {
        severity: most > limits.highest ? "fail" : "warn",
        subject: name,
        message: `each step changes ${name} by ${short(most)} of its length; 0.001 is usual`,
        hint: `a learning rate about ${short(Math.max(2, Number((most / 0.01).toPrecision(1))))} times lower than ${short(rate)}`,
        numbers,
      };
    }
    const { epochs, facts } = record;
    const agreed = agreements(
      all.filter(({ step }) => step > limits.first),
      facts.batch,
    );
    const noisy = agreed.length > 0 && average(agreed) < limits.agree;
    const late = epochs.length - 1 >= facts.epochs / 2 && epochs.at(-1)!.loss > limits.loss * knownNothing(record);
    const way = median(medians.map(([, ratio]) => ratio)) * facts.epochs * facts.stepsPerEpoch;
    if (most >= limits.low && !(late && !noisy && way < limits.way)) return undefined;
    return {
      severity: most < limits.lowest ? "fail" : "warn",
      subject: name,
      message:
        most < limits.low
          ? `no step changes any weights by more than ${short(most)} of their length; 0.001 is usual`
          : `steps change weights by at most ${short(most)} of their length, half of the epochs are done, and the loss is still high`,
      hint:
        most === 0
          ? "nothing moves: are gradients cut off, or weights frozen?"
          : `a learning rate some ${short(Number((1e-3 / most).toPrecision(1)))} times higher than ${short(rate)}`,
      numbers,
    };
  },
});
