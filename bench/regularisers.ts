/** What each way to regularise does to the gap between training and validation error, against none: paired over seeds. */
import { executor } from "../src/exec/onnxruntime-node.ts";
import { optimizerByName } from "../src/optim/optimizers/index.ts";
import { scheduleByName } from "../src/optim/schedules/index.ts";
import { planAugmentation } from "../src/train/augment.ts";
import { fit } from "../src/train/fit.ts";
import { networkFor, type ArchitectureSpec } from "../src/train/model-choice.ts";
import { planTable } from "../src/train/plan-table.ts";
import { prepareDatasets } from "../src/train/prepare.ts";
import type { Table } from "../src/data/table.ts";
import { hiddenLayers } from "./accuracy-cases.ts";
import { machine, type Machine } from "./machine.ts";
import { mean, pairedChange, type Errors, type PairedChange } from "./paired-change.ts";
import { versions } from "./peers/gradus-versions.ts";
import { regulariserCases, waysOf, type RegulariserCase, type Strength, type Way } from "./regulariser-cases.ts";

/** One way on one data set. */
export interface WayResult extends PairedChange {
  readonly name: string;
  /** The strength that was chosen, and the mean validation error of each on the seeds that chose. */
  readonly chosen: string;
  readonly grid: readonly { readonly label: string; readonly validation: number }[];
  readonly errors: readonly Errors[];
  /** Mean epoch whose weights count. */
  readonly epoch: number;
}

export interface RegulariserRow {
  readonly name: string;
  readonly what: string;
  readonly rows: { readonly train: number; readonly validation: number };
  readonly epochs: number;
  readonly batchSize: number;
  readonly seeds: number;
  readonly without: readonly Errors[];
  readonly ways: readonly WayResult[];
  readonly seconds: number;
}

export interface RegulariserResult {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly hiddenLayers: readonly number[];
  readonly learningRate: number;
  /** How many other seeds choose the strengths. */
  readonly choosing: number;
  readonly rows: readonly RegulariserRow[];
}

export interface RegulariserOptions {
  readonly data: string;
  readonly chosen: (name: string) => boolean;
  /** In place of each case's own number. */
  readonly seeds?: number;
  readonly say: (line: string) => void;
}

const learningRate = 1e-3;
/** Strengths are chosen on seeds, and so on splits, that the comparison does not use. */
const choosingSeeds = [1001, 1002];

export async function measureRegularisers({ data, chosen, seeds, say }: RegulariserOptions): Promise<RegulariserResult> {
  const rows: RegulariserRow[] = [];
  for (const one of regulariserCases) if (chosen(one.name)) rows.push(await study({ ...one, seeds: seeds ?? one.seeds }, data, say));
  return { machine: machine(), versions: await versions(), hiddenLayers, learningRate, choosing: choosingSeeds.length, rows };
}

async function study(one: RegulariserCase, data: string, say: (line: string) => void): Promise<RegulariserRow> {
  const started = performance.now();
  const table = await one.read(data);
  const ways = waysOf(one);
  const grids = new Map<Strength, number[]>(ways.flatMap(({ grid }) => grid.map((strength) => [strength, []])));
  for (const seed of choosingSeeds) {
    const train = await trainer(one, table, seed);
    for (const [strength, found] of grids) found.push((await train(strength)).validation);
    say(`  ${one.name} seed ${seed}: ${[...grids].map(([{ label }, found]) => `${label} ${found.at(-1)!.toFixed(4)}`).join("; ")}`);
  }
  const best = new Map(ways.map((way) => [way, strengthOf(way, grids)]));
  const without: Errors[] = [];
  const errors = new Map<Way, (Errors & { epoch: number })[]>(ways.map((way) => [way, []]));
  let counts = { train: 0, validation: 0 };
  for (let seed = 1; seed <= one.seeds; seed++) {
    const train = await trainer(one, table, seed);
    without.push(errorsOf(await train({ label: "none" })));
    counts = train.rows;
    for (const way of ways) errors.get(way)!.push(await train(best.get(way)!));
    const line = [["none", without] as const, ...ways.map((way) => [way.name, errors.get(way)!] as const)];
    say(
      `  ${one.name} seed ${seed}: ${line.map(([name, all]) => `${name} ${all.at(-1)!.train.toFixed(4)}/${all.at(-1)!.validation.toFixed(4)}`).join("; ")}`,
    );
  }
  const results = ways.map((way): WayResult => {
    const found = errors.get(way)!;
    const result = {
      name: way.name,
      chosen: best.get(way)!.label,
      grid: way.grid.map((strength) => ({ label: strength.label, validation: mean(grids.get(strength)!) })),
      errors: found.map(errorsOf),
      epoch: mean(found.map(({ epoch }) => epoch)),
      ...pairedChange(without, found),
    };
    const { gap, validation, shrinks, raised } = result;
    say(
      `${one.name}, ${way.name} (${result.chosen}): gap ${gap.value.toFixed(4)} [${gap.low.toFixed(4)}, ${gap.high.toFixed(4)}], ` +
        `validation ${validation.value.toFixed(4)} [${validation.low.toFixed(4)}, ${validation.high.toFixed(4)}], δ ${result.delta.toFixed(4)}: ` +
        `shrinks ${shrinks}, raised ${raised}`,
    );
    return result;
  });
  const { name, what, epochs, batchSize } = one;
  const seconds = (performance.now() - started) / 1000;
  return { name, what, rows: counts, epochs, batchSize, seeds: one.seeds, without, ways: results, seconds };
}

/** The strength of the lowest mean validation error; the weaker of equals. */
function strengthOf({ grid }: Way, grids: ReadonlyMap<Strength, readonly number[]>): Strength {
  return grid.reduce((a, b) => (mean(grids.get(b)!) < mean(grids.get(a)!) ? b : a));
}

const errorsOf = ({ train, validation }: Errors): Errors => ({ train, validation });

interface Trainer {
  (strength: Strength): Promise<Errors & { readonly epoch: number }>;
  readonly rows: { readonly train: number; readonly validation: number };
}

/**
 * Trainings of one split and one seed: Adam at a constant rate. Errors are those of the weights after the last epoch, and of the best epoch
 * with early stopping alone, which is what keeps one.
 */
async function trainer(one: RegulariserCase, table: Table, seed: number): Promise<Trainer> {
  const parts = one.parts(table, seed);
  const model: ArchitectureSpec = { kind: "mlp", layers: hiddenLayers, ...(one.shape ? { shape: one.shape } : {}) };
  const { plan, problem } = planTable(model, parts, {});
  const [train, validation] = await prepareDatasets(table, [parts.train, parts.validation], plan, executor);
  const run = async ({ regularizer, keepProbability = 1, augment, stop }: Strength) => {
    const network = networkFor({ ...model, keepProbability }, plan, problem.loss);
    const { history, bestEpoch } = await fit(
      { ...problem, network },
      { train: train!, validation: validation! },
      {
        optimizer: optimizerByName("adam"),
        learningRate,
        schedule: scheduleByName("constant"),
        ...{ epochs: one.epochs, batchSize: one.batchSize, seed, executor, threads: 1 },
        ...(regularizer ? { regularizer } : {}),
        ...(augment ? { augment: planAugmentation(augment, plan, one.shape ? { shape: one.shape } : {}, 1) } : {}),
        ...(stop ? { stop } : {}),
      },
    );
    const figures = stop ? history[bestEpoch]! : history.at(-1)!;
    return { train: figures.train.error, validation: figures.validation!.error, epoch: figures.epoch };
  };
  return Object.assign(run, { rows: { train: parts.train.length, validation: parts.validation.length } });
}
