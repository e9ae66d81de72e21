/** A problem at its start, as the rules look at it. */
import { compile } from "../exec/executor.ts";
import type { CompileOptions, Executor } from "../exec/session.ts";
import { initializeParameters } from "../nn/parameters.ts";
import { checkDataset } from "../train/check-dataset.ts";
import { pickDataset, rowsOf, type TrainingData } from "../train/dataset.ts";
import { layoutOf, type Problem } from "../train/step-graph.ts";
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import type { PreflightContext } from "./rule.ts";

export interface ContextOptions {
  /** Of the initial weights and of what is drawn. Default 1. */
  readonly seed?: number;
  /** The initial weights where they are not the initialisers'. Read, never written. */
  readonly theta?: Float32Array;
  /** Default: the platform's ONNX Runtime. */
  readonly executor?: Executor;
  readonly runtime?: CompileOptions;
}

const platform: Executor = { name: "platform", compile };
/** Rows that the rules see at most. */
const mostRows = 2048;

/** @param data training rows; a seeded sample of them is taken */
export function contextOf(
  problem: Problem,
  data: TrainingData,
  { seed = 1, theta, executor = platform, runtime = {} }: ContextOptions = {},
): PreflightContext {
  const layout = layoutOf(problem);
  const rows = rowsOf(data);
  if (rows === 0) throw new GradusError("there are no training rows to check");
  checkDataset(problem, data, "training");
  const order = rng(seed, "preflight").permutation(rows).subarray(0, mostRows);
  const start = new Float32Array(layout.size);
  if (theta) start.set(theta);
  else initializeParameters(layout, start, seed);
  return { problem, layout, theta: start, data: pickDataset(data, order), seed, executor, runtime };
}
