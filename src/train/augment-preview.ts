/** Examples as a training step would see them: what `--augment` does, before anything is trained. */
import { exampleShape } from "../data/augment-example.ts";
import { inlineBatches } from "../data/augment-batches.ts";
import { labelWarnings } from "../data/augment-labels.ts";
import type { AugmentationSpec } from "../data/augmentation.ts";
import { fitPreprocessing, type PreprocessPlan } from "../data/preprocess.ts";
import { compile } from "../exec/executor.ts";
import { GradusError } from "../util/errors.ts";
import type { Finding } from "../util/finding.ts";
import { rng } from "../util/rng.ts";
import { planAugmentation } from "./augment.ts";
import type { TableParts } from "./fit-table.ts";
import { prepareDatasets } from "./prepare.ts";

export interface AugmentedExample {
  /** Its number in the training part, from 0: with the seed and the epoch, the key of its draws. */
  readonly example: number;
  /** Its row in the data, from 1. */
  readonly row: number;
  /** What is to be predicted, as text. */
  readonly label: string;
  /** As preprocessed: standardised. */
  readonly original: Float32Array;
  readonly augmented: readonly { readonly epoch: number; readonly values: Float32Array }[];
}

export interface AugmentationPreview {
  /** Of an example: [channels, height, width], [steps, width] or [columns]. */
  readonly shape: readonly number[];
  readonly steps: readonly AugmentationSpec[];
  readonly findings: readonly Finding[];
  readonly features: readonly string[];
  /** Undoes the standardisation of an image's channel: x·deviation + mean, 0 … 1. Left out where it is not known. */
  readonly pixels?: { readonly mean: readonly number[]; readonly deviation: readonly number[] };
  readonly seed: number;
  readonly examples: readonly AugmentedExample[];
}

export interface PreviewOptions {
  readonly augment: readonly AugmentationSpec[];
  /** The experiment's, so that its first epochs are shown. Default 1. */
  readonly seed?: number;
  /** What a row is, where the data do not say. */
  readonly shape?: readonly number[] | undefined;
  readonly size?: readonly [number, number] | undefined;
  readonly maxLength?: number | undefined;
  /** How many examples, drawn from the training part. Default 8. */
  readonly examples?: number;
  /** Rows of the data (from 1) to be shown in place of drawn ones. */
  readonly rows?: readonly number[] | undefined;
  /** The first epochs shown of each. Default 8. */
  readonly epochs?: number;
}

/**
 * Training examples, and what the first epochs of a training with this seed make of them, to the bit.
 * @throws GradusError where the list does not fit the data, or a row asked for is not in the training part
 */
export async function previewAugmentation({ table, train }: TableParts, options: PreviewOptions): Promise<AugmentationPreview> {
  const { seed = 1, epochs = 8, examples = 8 } = options;
  const { plan } = fitPreprocessing(table, train, {
    together: options.shape !== undefined,
    maxLength: options.maxLength,
    size: options.size,
  });
  const shape = options.shape ?? plan.shape;
  const { steps, numeric } = planAugmentation(options.augment, plan, shape ? { shape } : {}, 1);
  const [data] = await prepareDatasets(table, [train], plan, { name: "platform", compile });
  const example = exampleShape(shape ?? [plan.features.length], numeric);
  const features = data!.features.data as Float32Array;
  const lengths = data!.lengths ? { lengths: data!.lengths.data as Int32Array } : {};
  const chosen =
    options.rows?.map((row) => placeOf(train, row)) ?? [...rng(seed, "augment preview").permutation(train.length)].slice(0, examples);
  const source = inlineBatches(
    { specs: steps, example, seed, batch: 1 },
    { features, targets: data!.targets.data as Float32Array, ...lengths },
  );
  const width = plan.features.length;
  return {
    shape: example.shape,
    steps,
    findings: labelWarnings(steps, plan.target.kind === "classes" ? plan.target.classes : []),
    features: plan.features,
    ...pixelsOf(plan),
    seed,
    examples: chosen.map((at) => ({
      example: at,
      row: train[at]! + 1,
      label: labelOf(table.target!.column, train[at]!),
      original: features.slice(at * width, (at + 1) * width),
      augmented: Array.from({ length: epochs }, (_, epoch) => ({
        epoch: epoch + 1,
        values: source.show(epoch + 1, [at]).features.slice(0, width),
      })),
    })),
  };
}

function placeOf(train: Int32Array, row: number): number {
  const at = train.indexOf(row - 1);
  if (at < 0) throw new GradusError(`row ${row} is not in the training part, and no other is augmented.`);
  return at;
}

function labelOf(column: NonNullable<TableParts["table"]["target"]>["column"], row: number): string {
  if (column.kind === "categorical") return column.categories[column.codes[row]!] ?? "";
  return column.kind === "numeric" ? String(Number(column.values[row]!.toPrecision(4))) : "";
}

function pixelsOf({ columns }: PreprocessPlan): Pick<AugmentationPreview, "pixels"> {
  const [only] = columns;
  return columns.length === 1 && only!.kind === "image" ? { pixels: { mean: only!.mean, deviation: only!.deviation } } : {};
}
