import { short } from "../../util/format.ts";
import { defineMonitor } from "../monitor.ts";
import { knownNothing, lossError, median } from "./reading.ts";

/** Slopes between all pairs of points, (yⱼ − yᵢ)/(j − i), in order. */
function slopes(values: readonly number[]): number[] {
  const found: number[] = [];
  for (let i = 0; i < values.length; i++) for (let j = i + 1; j < values.length; j++) found.push((values[j]! - values[i]!) / (j - i));
  return found.sort((a, b) => a - b);
}

/** Theil and Sen's slope per step with its 95 % interval, from the null distribution of Kendall's S. */
function robustSlope(values: readonly number[]): { readonly slope: number; readonly low: number; readonly high: number } {
  const n = values.length;
  const all = slopes(values);
  const c = 1.96 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const at = (rank: number) => all[Math.min(all.length - 1, Math.max(0, Math.round(rank)))]!;
  return { slope: median(all), low: at((all.length - c) / 2 - 1), high: at((all.length + c) / 2) };
}

export const notDecreasing = defineMonitor({
  name: "not-decreasing",
  title: "not decreasing",
  what:
    "The robust slope (Theil and Sen) of the logarithm of the training loss over the last evaluations, in evaluation mode on a fixed sample, " +
    "with its interval; while the loss is still near what an answer costs that knows nothing of the inputs. A loss that rests low has arrived.",
  source: "Theil 1950, Sen 1968; the window derived",
  leadsTo: [],
  limits: {
    evaluations: { value: 10, means: "evaluations that the slope is over, or a tenth of the epochs where that is more; at most 40" },
    loss: { value: 0.9, means: "share of what knowing nothing costs above which it counts" },
    fall: { value: 0.02, means: "fall of the logarithm over the window, by the steep end of the interval, from which on it does decrease" },
  },
  judge(record, limits) {
    const { epochs, facts } = record;
    const window = Math.min(40, Math.max(limits.evaluations, Math.ceil(facts.epochs / 10)));
    if (epochs.length < window) return undefined;
    const seen = epochs.slice(-window);
    const nothing = knownNothing(record);
    const share = median(seen.slice(-3).map(({ loss }) => loss)) / nothing;
    if (!(share > limits.loss) || !(nothing > 0)) return undefined;
    const { slope, low } = robustSlope(seen.map(({ loss }) => Math.log(Math.max(loss, 1e-300))));
    const fall = -low * (window - 1);
    const drop = -slope * (window - 1);
    if (Math.max(drop, 0) >= limits.fall && fall >= limits.fall) return undefined;
    const last = seen.at(-1)!;
    return {
      severity: "warn",
      message: `over ${window} evaluations the training loss has not fallen: ${short(last.loss)}, and knowing nothing of the inputs costs ${short(nothing)}`,
      hint: "another learning rate, inputs standardised, a look at the gradients (gradus check), and whether the inputs say anything of the target",
      numbers: { slope, share, loss: last.loss, epoch: last.epoch },
    };
  },
});

export const oscillating = defineMonitor({
  name: "oscillating",
  title: "oscillating",
  what:
    "Evaluations of the training loss, on a fixed sample, that go up and down in turn: more than half of the differences change their sign, and " +
    "they are larger than a share of what an answer costs that knows nothing and, where the sample is not all of the training rows, than its own uncertainty.",
  source: "sign changes and standard errors derived, after DeepDiagnosis",
  leadsTo: ["non-finite", "diverging", "not-decreasing"],
  limits: {
    evaluations: { value: 8, means: "evaluations that are looked at, the last ones" },
    changes: { value: 0.5, means: "share of sign changes that must be exceeded" },
    errors: { value: 2, means: "standard errors of the loss that the median difference must exceed" },
    share: { value: 0.06, means: "and share of what knowing nothing costs" },
  },
  judge(record, limits) {
    const seen = record.epochs.filter(({ epoch }) => epoch > 0).slice(-limits.evaluations);
    if (seen.length < limits.evaluations) return undefined;
    const differences = seen.slice(1).map(({ loss }, i) => loss - seen[i]!.loss);
    const changes = differences.slice(1).filter((d, i) => d * differences[i]! < 0).length / (differences.length - 1);
    const amplitude = median(differences.map(Math.abs));
    const error = lossError(record);
    const nothing = knownNothing(record);
    if (!(changes > limits.changes && amplitude > limits.errors * error && amplitude > limits.share * nothing)) return undefined;
    const last = seen.at(-1)!;
    return {
      severity: "warn",
      message: `from epoch to epoch the training loss goes up and down by ${short(amplitude)}; knowing nothing of the inputs costs ${short(nothing)}`,
      hint: "a lower learning rate, larger batches, or an average of the weights",
      numbers: { changes, amplitude, error, loss: last.loss, epoch: last.epoch },
    };
  },
});

export const diverging = defineMonitor({
  name: "diverging",
  title: "diverging",
  what:
    "The training loss, in evaluation mode on a fixed sample, against the best so far: the median of several evaluations is twice as high, and " +
    "higher than what an answer costs that knows nothing. Validation that rises while training falls is no divergence.",
  source: "TheDeepChecker (twice, five times); the second condition derived",
  leadsTo: ["non-finite", "not-decreasing", "oscillating", "dead-units", "saturation", "train-eval-switch"],
  limits: {
    factor: { value: 2, means: "times the best loss" },
    evaluations: { value: 5, means: "evaluations whose median it is" },
    nothing: { value: 1.5, means: "times what knowing nothing costs" },
  },
  judge(record, limits) {
    const { epochs } = record;
    if (epochs.length < 2) return undefined;
    const nothing = knownNothing(record);
    const best = Math.min(...epochs.map(({ loss }) => loss));
    const row = epochs.slice(1).slice(-limits.evaluations);
    if (row.length < limits.evaluations) return undefined;
    const usual = median(row.map(({ loss }) => loss));
    if (!(usual > limits.factor * best && usual > limits.nothing * nothing)) return undefined;
    const last = epochs.at(-1)!;
    return {
      severity: "fail",
      message: `the training loss is ${short(last.loss)}, ${short(last.loss / best)} times its best, and knowing nothing costs ${short(nothing)}`,
      hint: "a lower learning rate, gradients clipped by their norm, a warm-up",
      numbers: { loss: last.loss, best, epoch: last.epoch },
    };
  },
});
