/** What several monitors read out of a record. */
import type { HealthRecord, StepLook, TensorLook } from "../monitor.ts";

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Weights, in forward order; a tensor that starts at zero has no ratio to speak of. */
export const weightsOf = ({ tensors }: StepLook): readonly TensorLook[] =>
  tensors.filter(({ role, weight }) => role === "weight" && weight > 0);

/** Looks at steps whose learning rate is at least a tenth of the highest: what a schedule has put to sleep is not ill. */
export function awake({ steps }: HealthRecord): readonly StepLook[] {
  const highest = steps.reduce((most, { learningRate }) => Math.max(most, learningRate), 0);
  return steps.filter(({ learningRate }) => learningRate >= highest / 10);
}

export const rms = ({ gradient, size }: TensorLook): number => gradient / Math.sqrt(size);

/** Medians over looks of a figure of each weight tensor, by name in forward order. */
export function weightMedians(looks: readonly StepLook[], figure: (tensor: TensorLook, look: StepLook) => number): Map<string, number> {
  const all = new Map<string, number[]>();
  for (const look of looks)
    for (const tensor of weightsOf(look)) all.set(tensor.name, [...(all.get(tensor.name) ?? []), figure(tensor, look)]);
  return new Map([...all].map(([name, values]) => [name, median(values)]));
}

/** The best answer that knows nothing of the inputs; of a loss of the caller's own the loss at the start. */
export function knownNothing({ facts, epochs }: HealthRecord): number {
  return facts.constantLoss ?? epochs[0]?.loss ?? NaN;
}

/** The standard error of the sample's mean loss as the training part's, from the last look at its spread: 0 for all rows; NaN before one. */
export function lossError({ units, epochs, facts }: HealthRecord): number {
  const [look, last] = [units.at(-1), epochs.at(-1)];
  return look && last ? look.deviation * Math.sqrt(Math.max(0, 1 - last.n / facts.rows) / last.n) : NaN;
}

/**
 * How far the gradients of a batch's two halves agree at each look, ⟨g₁, g₂⟩/‖g‖², from −1 to 1: 1 without noise, about 0 where all is noise.
 * Looks without an estimate are left out.
 */
export function agreements(looks: readonly StepLook[], batch: number): readonly number[] {
  const half = batch >> 1;
  return looks
    .flatMap(({ noise }) => (noise ? [noise.signal / (noise.signal + noise.variance / half)] : []))
    .filter(Number.isFinite)
    .map((share) => Math.min(1, Math.max(-1, share)));
}

export const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
