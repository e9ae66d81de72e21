/** The decision boundary of a model on two numbers, and of the same network trained along λ: from too stiff to too free. */
import type { NumericColumn, Table } from "../data/table.ts";
import type { Executor } from "../exec/session.ts";
import type { ClassSample } from "../metrics/metric.ts";
import { modelLayout, type Model } from "../nn/model.ts";
import { optimizerByName } from "../optim/optimizers/index.ts";
import { scheduleByName } from "../optim/schedules/index.ts";
import { fit } from "../train/fit.ts";
import { predictRows } from "../train/predict.ts";
import { prepareDatasets } from "../train/prepare.ts";
import { sampleOf } from "../train/evaluate-rows.ts";
import { rangeOf } from "./chart.ts";
import { problemOf } from "./weights.ts";

export interface BoundaryPanel {
  /** λ of the L2 penalty; left out for the run's own model. */
  readonly lambda?: number;
  /** By both sets, see {@link judged}. */
  readonly verdict?: "underfits" | "just right" | "overfits";
  readonly train: BoundaryFigures;
  readonly validation: BoundaryFigures;
  /** [size · size] positions in `classes`, from the lower left, row by row. */
  readonly answers: readonly number[];
}

export interface BoundaryFigures {
  /** Share of wrong answers. */
  readonly error: number;
  readonly loss: number;
}

export interface Boundary {
  readonly columns: readonly [string, string];
  readonly x: { readonly low: number; readonly high: number };
  readonly y: { readonly low: number; readonly high: number };
  readonly classes: readonly string[];
  readonly size: number;
  /** Training and validation rows: x, y, position in `classes`; the first so many. */
  readonly points: { readonly train: readonly Point[]; readonly validation: readonly Point[] };
  /** The run's own first, then by falling λ. */
  readonly panels: readonly BoundaryPanel[];
  /** Steps of each training along λ. */
  readonly steps: number;
}

type Point = readonly [number, number, number];

export interface BoundaryInput {
  readonly model: Model;
  readonly table: Table;
  readonly train: Int32Array;
  readonly validation: Int32Array;
  readonly seed: number;
  readonly executor: Executor;
}

const size = 56;
const mostPoints = 400;
const steps = 2000;
const batch = 32;
/** λ/m; the first leaves nothing of the weights, the last is no penalty. */
const strengths = [1, 0.1, 0.01, 0.001, 0];
/** Multiplications that take a few seconds at most. */
const mostWork = 1e10;
const mostRows = 20_000;

/** The two columns, where a model answers with classes and takes two numbers. */
export function boundaryColumns({ plan }: Pick<Model, "plan">, table: Table): readonly [NumericColumn, NumericColumn] | undefined {
  const used = plan.columns.map(({ column }) => table.columns.find(({ name }) => name === column));
  const [first, second, ...more] = used;
  if (plan.target.kind !== "classes" || more.length > 0) return undefined;
  return first?.kind === "numeric" && second?.kind === "numeric" ? [first, second] : undefined;
}

/** Whether training along λ takes a few seconds: by sizes, not by the clock. */
export function isCheap(model: Pick<Model, "network" | "plan">, rows: number): boolean {
  return rows <= mostRows && 6 * modelLayout(model).size * Math.min(batch, rows) * steps * strengths.length <= mostWork;
}

/** @param trains whether models along λ are trained, besides the run's own */
export async function boundaryOf(
  given: BoundaryInput,
  [first, second]: readonly [NumericColumn, NumericColumn],
  trains: boolean,
): Promise<Boundary> {
  const { model, table, train, validation } = given;
  const all = [...train, ...validation];
  const x = rangeOf(
    all.map((row) => first.values[row]!),
    { room: 0.06 },
  );
  const y = rangeOf(
    all.map((row) => second.values[row]!),
    { room: 0.06 },
  );
  const grid = gridTable(table, first, second, x, y);
  const own = await panelOf(given, grid, model);
  const along = trains ? await alongLambda(given, grid) : [];
  const codes = table.target!.column.kind === "categorical" ? table.target!.column.codes : new Int32Array(table.rows);
  const points = (rows: Int32Array): Point[] =>
    Array.from(rows.subarray(0, mostPoints), (row): Point => [first.values[row]!, second.values[row]!, codes[row]!]).filter((point) =>
      point.every(Number.isFinite),
    );
  return {
    columns: [first.name, second.name],
    ...{ x, y },
    classes: model.plan.target.kind === "classes" ? model.plan.target.classes : [],
    size,
    points: { train: points(train), validation: points(validation) },
    panels: [own, ...judged(along)],
    steps,
  };
}

/** Rows at the middles of the grid's cells. */
function gridTable(table: Table, first: NumericColumn, second: NumericColumn, x: Boundary["x"], y: Boundary["y"]): Table {
  const middle = ({ low, high }: Boundary["x"], i: number) => low + ((i + 0.5) / size) * (high - low);
  const columns = [
    { ...first, values: Float64Array.from({ length: size * size }, (_, i) => middle(x, i % size)) },
    { ...second, values: Float64Array.from({ length: size * size }, (_, i) => middle(y, Math.floor(i / size))) },
  ];
  const { rowNames: _, ...rest } = table;
  return { ...rest, rows: size * size, columns, target: undefined, roles: {} };
}

async function panelOf({ table, train, validation, executor }: BoundaryInput, grid: Table, model: Model): Promise<BoundaryPanel> {
  const every = Int32Array.from({ length: grid.rows }, (_, i) => i);
  const found = await predictRows(model, grid, every, { executor });
  const measured = async (rows: Int32Array): Promise<BoundaryFigures> =>
    figuresOf(sampleOf(model, await predictRows(model, table, rows, { executor }), table, rows) as ClassSample);
  return { answers: answersOf(found, model.threshold), train: await measured(train), validation: await measured(validation) };
}

function answersOf(found: Awaited<ReturnType<typeof predictRows>>, threshold = 0.5): number[] {
  if (found.kind !== "classes") return [];
  const { probabilities, classes } = found;
  const k = classes.length;
  return Array.from({ length: probabilities.length / k }, (_, row) => {
    if (k === 2) return probabilities[2 * row + 1]! > threshold ? 1 : 0;
    let likeliest = 0;
    for (let c = 1; c < k; c++) if (probabilities[row * k + c]! > probabilities[row * k + likeliest]!) likeliest = c;
    return likeliest;
  });
}

function figuresOf({ truth, answers, probabilities, classes }: ClassSample): BoundaryFigures {
  let [wrong, loss] = [0, 0];
  truth.forEach((code, i) => {
    if (answers[i] !== code) wrong += 1;
    loss -= Math.log(Math.max(probabilities[i * classes.length + code]!, 2 ** -149));
  });
  return { error: wrong / truth.length, loss: loss / truth.length };
}

/** The run's network without dropout and noise, by Adam from the same first weights; the weights of the last step, so that nothing hides what λ does. */
async function alongLambda(given: BoundaryInput, grid: Table): Promise<BoundaryPanel[]> {
  const { model, table, train, seed, executor } = given;
  const network = { layers: model.network.layers.filter(({ kind }) => kind !== "dropout" && kind !== "noise") };
  const problem = problemOf({ ...model, network });
  const [data] = await prepareDatasets(table, [train], model.plan, executor);
  const batchSize = Math.min(batch, train.length);
  const panels: BoundaryPanel[] = [];
  for (const strength of strengths) {
    const lambda = strength * train.length;
    const { theta } = await fit(
      problem,
      { train: data! },
      {
        optimizer: optimizerByName("adam", {}),
        learningRate: 0.01,
        schedule: scheduleByName("cosine"),
        epochs: Math.ceil(steps / Math.ceil(train.length / batchSize)),
        ...{ batchSize, seed, executor, threads: 1 },
        ...(lambda > 0 ? { regularizer: { l2: lambda } } : {}),
      },
    );
    const { threshold: _, ...plain } = model;
    panels.push({ lambda, ...(await panelOf(given, grid, { ...plain, network, theta })) });
  }
  return panels;
}

/**
 * The lowest validation loss is just right; a larger λ underfits where the training loss is higher as well; a smaller one overfits where
 * the training loss is lower, the validation loss higher.
 */
export function judged(panels: readonly BoundaryPanel[]): BoundaryPanel[] {
  const best = panels.reduce<BoundaryPanel | undefined>(
    (least, panel) => (least === undefined || panel.validation.loss < least.validation.loss ? panel : least),
    undefined,
  );
  return panels.map((panel) => {
    if (panel === best) return { ...panel, verdict: "just right" };
    if (panel.lambda! > best!.lambda! && panel.train.loss > best!.train.loss) return { ...panel, verdict: "underfits" };
    const over = panel.lambda! < best!.lambda! && panel.train.loss < best!.train.loss && panel.validation.loss > best!.validation.loss;
    return over ? { ...panel, verdict: "overfits" } : panel;
  });
}
