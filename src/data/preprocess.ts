/** Preprocessing as a whole: fitted on the training rows, plain JSON, and the graph from raw columns to the design matrix. */
import { didYouMean } from "../util/closest.ts";
import { GradusError, internal } from "../util/errors.ts";
import { printable } from "../util/printable.ts";
import type { Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { assemble } from "./sequence-blocks.ts";
import { sequenceLengths } from "./sequence-lengths.ts";
import { schemaOf, selectColumn, type Column, type ImageColumn, type Table, type TableSchema } from "./table.ts";
import { fitTarget, type TargetPlan } from "./target-plan.ts";
import type { ColumnSettings, FeatureBlock, Moments, Transform, TransformSettings } from "./transform.ts";
import { transforms } from "./transforms/index.ts";
import type { DatePartsPlan } from "./transforms/date-parts.ts";
import type { EmbeddingPlan } from "./transforms/embedding.ts";
import type { ImagePlan } from "./transforms/image.ts";
import type { OneHotPlan } from "./transforms/one-hot.ts";
import type { ScalePlan } from "./transforms/scale.ts";
import type { SequencePlan } from "./transforms/sequence.ts";
import { moments, type StandardisePlan } from "./transforms/standardise.ts";
import type { TokensPlan } from "./transforms/tokens.ts";

/** A fitted transform of one column. */
export type FittedColumn = StandardisePlan | DatePartsPlan | ScalePlan | EmbeddingPlan | OneHotPlan | ImagePlan | SequencePlan | TokensPlan;

/** Everything fitted on the training rows; plain JSON, stored with the run. */
export interface PreprocessPlan {
  /** One per raw column that carries something, in the table's order. */
  readonly columns: readonly FittedColumn[];
  /** Names of the design matrix's columns, in order. */
  readonly features: readonly string[];
  /** What the features are together: an image [channels, height, width], a sequence [time, features]; left out where they are a row. */
  readonly shape?: readonly number[];
  /** How many tokens there are, where the features are a sequence [time] of their numbers: 0 is none, 1 unknown. */
  readonly tokens?: number;
  /** Whether sequences have lengths of their own. */
  readonly variableLength?: boolean;
  readonly target: TargetPlan;
  /** How another file is read for this model. */
  readonly schema: TableSchema;
}

/** The preprocessing graph, to be joined to a network or run by itself. */
export interface PreprocessGraph {
  /**
   * One per raw column, named as the column: [batch, 1] of float32 or float64 (NaN is missing) or string ("" is missing);
   * of images uint8 [batch, height, width, channels]; of sequences [batch, time] or [batch, time, width], any number of steps, those
   * behind a sequence's end missing.
   */
  readonly inputs: readonly Value[];
  /** float32 [batch, features.length]. */
  readonly features: Value;
  /** The steps of each sequence, int32 [batch], where they vary. */
  readonly lengths?: Value;
}

const registry = transforms as unknown as readonly Transform<Column, FittedColumn>[];

const transformOf = (kind: string): Transform<Column, FittedColumn> =>
  registry.find((transform) => transform.kind === kind) ?? internal(`no transform ${kind}`);

/**
 * Fits preprocessing on the training rows alone.
 * @param options.log the target enters as its logarithm (regression)
 * @param options.power the target enters as Yeo and Johnson's power of it that is nearest to normal (regression)
 * @param options.change the target enters as its change on the nearest naive forecast (windows over a series)
 * @param options.together numeric columns are one thing, the pixels of an image or the steps of a sequence: they are
 *   standardised by one mean and deviation, and constant ones stay
 * @param options.maxLength steps of a sequence that are seen; the longest training sequence's where left out, at most 1 000
 * @param options.size [height, width] that images are brought to
 * @param options.settings how columns are transformed, where that is not as usual
 * @returns the plan, and what was done in sentences
 * @throws GradusError where no column is left, or a target value has no logarithm
 */
export function fitPreprocessing(
  table: Table,
  train: Int32Array,
  options: {
    readonly log?: boolean | undefined;
    readonly power?: boolean | undefined;
    readonly change?: boolean | undefined;
    readonly together?: boolean | undefined;
    readonly maxLength?: number | undefined;
    readonly size?: readonly [number, number] | undefined;
    readonly settings?: TransformSettings | undefined;
  } = {},
): { plan: PreprocessPlan; notes: string[] } {
  const notes: string[] = [];
  const columns: FittedColumn[] = [];
  checkSettings(table, options.settings);
  const numeric = table.columns.some(({ kind }) => kind === "numeric");
  const together = options.together && numeric ? momentsOfAll(table, train) : undefined;
  if (together) notes.push(`all columns are standardised together: mean ${short(together.mean)}, deviation ${short(together.deviation)}`);
  const sequences = sequenceLengths(table, train, options.maxLength);
  notes.push(...sequences.notes);
  const context = { together, size: options.size, ...sequences.lengths, alone: table.columns.length === 1 };
  for (const column of table.columns) {
    const own = { ...context, settings: settingsOf(options.settings, column) };
    const transform = registry.find((candidate) => candidate.applies(column, own)) ?? internal(`no transform for ${column.name}`);
    const fitted = transform.fit(selectColumn(column, train), own);
    notes.push(...fitted.notes);
    if (transform.kind === "embedding" && sequences.lengths) throw noVectors(table, column);
    if (fitted.plan) columns.push(fitted.plan);
  }
  if (columns.length === 0) throw nothingLeft(table.source.path, notes);
  const target = fitTarget(table, train, options);
  if (target.kind === "amount" && target.lambda !== undefined)
    notes.push(`${target.name} enters by Yeo and Johnson's power, λ = ${short(target.lambda)}`);
  if (target.kind === "amount" && target.base) notes.push(`${target.name} enters as its change on ${target.base.name}`);
  return { plan: planOf(columns, target, schemaOf(table)), notes: notes.map(printable) };
}

const noVectors = ({ source }: Table, { name }: Column): GradusError =>
  new GradusError(`${source.path}: column "${name}" stands beside sequences, where each category is an input at every step.`, {
    hint: "leave out encode: embedding for it.",
  });

export const nothingLeft = (path: string, notes: readonly string[]): GradusError =>
  new GradusError(`${path}: no column is left to predict from.`, { hint: `${notes.slice(0, 5).join("; ")}.` });

/** The plan of fitted columns. @param schema of the table, with columns that have no plan */
export function planOf(columns: readonly FittedColumn[], target: TargetPlan, schema: TableSchema): PreprocessPlan {
  const used = new Set(columns.map(({ column }) => column));
  const partial = { columns, target, schema: { ...schema, columns: schema.columns.filter(({ name }) => used.has(name)) } };
  const { blocks } = blocksOf(columns);
  const { features, shape: steps, lengths } = assemble(blocks);
  const shape = steps ?? (columns.length === 1 ? transformOf(columns[0]!.kind).shape?.(columns[0]!) : undefined);
  const tokens = blocks[0]!.sequence?.indices;
  const said = { ...(shape ? { shape } : {}), ...(tokens === undefined ? {} : { tokens }), ...(lengths ? { variableLength: true } : {}) };
  return { ...partial, features, ...said };
}

const short = (value: number) => String(Number(value.toPrecision(4)));

/** @throws GradusError where all are alike */
function momentsOfAll({ columns, source }: Table, train: Int32Array): Moments {
  const numeric = columns.filter((column) => column.kind === "numeric");
  const values = new Float64Array(numeric.length * train.length);
  let at = 0;
  for (const column of numeric) for (const row of train) values[at++] = column.values[row]!;
  const found = moments(values.filter((value) => !Number.isNaN(value)));
  if (!(found.deviation > 0)) throw new GradusError(`${source.path}: no column is left to predict from: all numbers are alike.`);
  return found;
}

/**
 * The graph of a plan.
 * @example const { inputs, features } = preprocessingGraph(plan);
 */
export function preprocessingGraph(plan: Pick<PreprocessPlan, "columns"> & { readonly features?: readonly string[] }): PreprocessGraph {
  const { inputs, blocks } = blocksOf(plan.columns);
  const { value, lengths } = assemble(inOrder(blocks, plan.features));
  return { inputs, features: value, ...(lengths ? { lengths } : {}) };
}

/** Blocks in the order in which a network was trained on them, whichever the transforms have by now. */
function inOrder(blocks: readonly FeatureBlock[], features: readonly string[] = []): readonly FeatureBlock[] {
  const place = new Map(features.map((name, i) => [name, i]));
  return blocks.toSorted((a, b) => (place.get(a.features[0]!) ?? 0) - (place.get(b.features[0]!) ?? 0));
}

/** @throws GradusError where settings name no feature */
function checkSettings({ columns, source }: Table, settings: TransformSettings = {}): void {
  const names = columns.map(({ name }) => name);
  const unknown = Object.keys(settings.columns ?? {}).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new GradusError(`no feature "${unknown}" (transforms) in ${source.path}.`, { hint: didYouMean(unknown, names, "features") });
}

const settingsOf = (settings: TransformSettings = {}, { name }: Column): ColumnSettings => ({
  ...settings.default,
  ...settings.columns?.[name],
});

function blocksOf(columns: readonly FittedColumn[]) {
  const inputs = columns.map((plan) => transformOf(plan.kind).input(plan));
  const blocks = registry.flatMap((transform) => {
    const mine = columns.flatMap((plan, i) => (plan.kind === transform.kind ? [{ plan, value: inputs[i]! }] : []));
    return mine.length === 0
      ? []
      : transform.build(
          mine.map(({ plan }) => plan),
          mine.map(({ value }) => value),
        );
  });
  return { inputs, blocks };
}

/**
 * Rows of a table as the graph's inputs take them.
 * @param rows all of them where left out; images of one size, see `callsOf`
 */
export function rawInputs(table: Table, rows: Int32Array | undefined, plan: Pick<PreprocessPlan, "columns">): Record<string, Tensor> {
  const chosen = rows ?? Int32Array.from({ length: table.rows }, (_, row) => row);
  const byName = new Map(table.columns.map((column) => [column.name, column]));
  return Object.fromEntries(
    plan.columns.map((fitted) => {
      const column = byName.get(fitted.column) ?? internal(`the table has no column ${fitted.column}`);
      return [fitted.column, transformOf(fitted.kind).raw(column, chosen, fitted)];
    }),
  );
}

/** A call of the graph takes so many bytes of images at most. */
const BYTES_PER_CALL = 2 ** 24;

/**
 * Rows in groups that one call of the graph can take: in order, or where images differ in size, those of one size together.
 * @param most rows of a call
 * @returns positions in `rows`
 */
export function callsOf(
  { columns }: Table,
  rows: Int32Array,
  { columns: fitted }: Pick<PreprocessPlan, "columns">,
  most: number,
): Int32Array[] {
  const images = columns.filter((column) => column.kind === "image" && fitted.some((plan) => plan.column === column.name)) as ImageColumn[];
  if (images.length === 0)
    return Array.from({ length: Math.ceil(rows.length / most) }, (_, i) =>
      Int32Array.from({ length: Math.min(most, rows.length - i * most) }, (_at, k) => i * most + k),
    );
  const bytes = (row: number): number => images.reduce((sum, { offsets }) => sum + offsets[row + 1]! - offsets[row]!, 0);
  const groups = new Map<string, number[]>();
  rows.forEach((row, at) => {
    const key = images.map(({ heights, widths }) => `${heights[row]}×${widths[row]}`).join();
    const group = groups.get(key);
    if (group) group.push(at);
    else groups.set(key, [at]);
  });
  return [...groups.values()].flatMap((group) => {
    const many = Math.max(1, Math.min(most, Math.floor(BYTES_PER_CALL / Math.max(1, bytes(rows[group[0]!]!)))));
    return Array.from({ length: Math.ceil(group.length / many) }, (_, i) => Int32Array.from(group.slice(i * many, (i + 1) * many)));
  });
}
