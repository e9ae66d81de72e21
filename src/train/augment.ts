/** Augmentation of a training's examples: what the list is applied to, and by how many threads. */
import { augmentedBatches } from "#augmented-batches";
import type { BatchSource, Examples } from "../data/augment-batches.ts";
import { completeAugmentations, exampleShape } from "../data/augment-example.ts";
import type { AugmentationSpec, ExampleShape } from "../data/augmentation.ts";
import type { PreprocessPlan } from "../data/preprocess.ts";
import { GradusError } from "../util/errors.ts";
import { isLazy, rowsOf, type TrainingData } from "./dataset.ts";
import type { Problem } from "./step-graph.ts";

export interface AugmentOptions {
  /** In the order in which they act: `[{ kind: "flip" }, { kind: "rotate", degrees: 15 }]`. */
  readonly steps: readonly AugmentationSpec[];
  /** What an example is, where the problem's inputs are rows of numbers: an image [channels, height, width] or a sequence [steps, width]. */
  readonly shape?: readonly number[];
  /** Of a table: the columns that are amounts, and no one-hot or indicator; all where left out. */
  readonly numeric?: Int32Array;
  /** Worker threads besides the training's own; results are equal to the bit for any number. As many as cores but one where left out. */
  readonly workers?: number;
}

/** What an example of the problem is. @throws GradusError where the shape is of other examples */
export function shapeOfExamples({ inputShape }: Problem, { shape, numeric }: AugmentOptions): ExampleShape {
  const size = (axes: readonly number[]) => axes.reduce((product, axis) => product * axis, 1);
  if (shape && size(shape) !== size(inputShape))
    throw new GradusError(`augment: the shape ${shape.join("×")} takes ${size(shape)} numbers an example, there are ${size(inputShape)}.`);
  return exampleShape(shape ?? inputShape, numeric);
}

/** Augmented batches of a training part. @throws GradusError where the list does not fit the examples */
export function batchesOf(
  problem: Problem,
  data: TrainingData,
  options: AugmentOptions,
  { seed, batch }: { readonly seed: number; readonly batch: number },
): BatchSource {
  const examples: Examples = {
    ...(isLazy(data)
      ? { features: new Float32Array(0), made: { rows: rowsOf(data), write: data.write } }
      : { features: data.features.data as Float32Array }),
    targets: data.targets.data as Float32Array,
    ...(!isLazy(data) && data.lengths ? { lengths: data.lengths.data as Int32Array } : {}),
  };
  return augmentedBatches({ specs: options.steps, example: shapeOfExamples(problem, options), seed, batch }, examples, options.workers);
}

/**
 * A list for the examples that a plan makes, every setting filled in.
 * @param threads of the runtime: where there is one alone, no other works on examples
 * @throws GradusError where the list does not fit the examples
 */
export function planAugmentation(
  specs: readonly AugmentationSpec[],
  { columns, features, tokens }: PreprocessPlan,
  { shape }: { readonly shape?: readonly number[] },
  threads: number | undefined,
): AugmentOptions {
  if (tokens !== undefined) throw new GradusError("augment: the examples are texts of numbered tokens, and no augmentation is for those.");
  if (specs.some(({ kind }) => kind === "mixup") && columns.some(({ kind }) => kind === "embedding"))
    throw new GradusError("augment: mixup has no mean of two categories that are numbers to be looked up.", {
      hint: "leave out mixup, or encode: embedding.",
    });
  const names = new Set(columns.map(({ column }) => column));
  // One-hot columns, indicators and numbers of categories have names of their own.
  const numeric = shape ? undefined : Int32Array.from(features.flatMap((feature, at) => (names.has(feature) ? [at] : [])));
  const steps = completeAugmentations(specs, exampleShape(shape ?? [features.length], numeric));
  return { steps, ...(shape ? { shape } : {}), ...(numeric ? { numeric } : {}), ...(threads === 1 ? { workers: 0 } : {}) };
}
