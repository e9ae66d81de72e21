/** The contract of early stopping: a rule sees every measured epoch and says when to stop. Its state is plain data. */
import type { Range } from "../util/range.ts";

/** What a rule sees after an epoch; entries are of the epochs from 0 (before the first step) on. */
export interface StopView {
  /** The monitored figure of the validation part. */
  readonly validation: readonly number[];
  /** The same of the training sample, in evaluation mode. */
  readonly training: readonly number[];
  /** The monitored figure of each validation example, at the last epoch. */
  readonly examples: Float32Array;
}

/** What a rule remembers. */
export interface StopState {
  /** The last epoch that counted as an improvement, and its examples' figures. */
  readonly epoch: number;
  readonly examples?: Float32Array;
}

export interface StopRule {
  readonly about: string;
  /** Numbers that a person may set, what they may be, and what they are where left out. */
  readonly settings: Readonly<Record<string, { readonly range: Range; readonly default: number; readonly about: string }>>;
  /** @returns the state after the epoch, and why to stop, where that is so: `no improvement over noise for 10 epochs` */
  see(state: StopState, view: StopView, settings: Readonly<Record<string, number>>, unit: ImprovementUnit): StopVerdict;
}

export interface StopVerdict {
  readonly state: StopState;
  readonly stop?: string;
}

/** What the smallest improvement is counted in: standard errors of the paired difference, shares of the last best figure, or its own unit. */
export const improvementUnits = ["noise", "relative", "absolute"] as const;
export type ImprovementUnit = (typeof improvementUnits)[number];

/** What of the validation part is watched: the loss, or the error (classes: share of wrong ones; amounts: mean squared error). */
export const monitored = ["loss", "error"] as const;
export type Monitored = (typeof monitored)[number];

/** How much lower `after` is than `before` on the same examples, with the standard error of that mean: √(Σ(d − d̄)² / (n(n − 1))). */
export function pairedImprovement(before: Float32Array, after: Float32Array): { readonly mean: number; readonly error: number } {
  const n = before.length;
  let [sum, squares] = [0, 0];
  for (let i = 0; i < n; i++) sum += before[i]! - after[i]!;
  const mean = sum / n;
  for (let i = 0; i < n; i++) squares += (before[i]! - after[i]! - mean) ** 2;
  return { mean, error: n > 1 ? Math.sqrt(squares / (n * (n - 1))) : Infinity };
}
