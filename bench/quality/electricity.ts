/** The ready `gru` on half-hourly electricity demand: the next day, against the same half-hours of the week before. */
import { pastAt } from "../../src/data/naive-forecast.ts";
import { readTable } from "../../src/data/read-table.ts";
import type { NumericColumn } from "../../src/data/table.ts";
import { modelOf } from "../../src/store/save-run.ts";
import { fitTable } from "../../src/train/fit-table.ts";
import { amountsOf } from "../../src/train/measure.ts";
import { predictRows } from "../../src/train/predict.ts";
import { internal } from "../../src/util/errors.ts";
import { meanInterval } from "../../src/util/statistics.ts";
import type { QualityRow } from "../quality.ts";

const day = 48;
const week = 7 * day;
const testDays = 14;
const validationDays = 7;

/**
 * From each half-hour of the last 14 days, the 48 after it are forecast from what lay before. The network sees, for the last day, the
 * demand and its change on the week before, and gives the change of the next day on the week before it; the last 14 days are never trained on.
 */
export async function electricityQuality(data: string, say: (line: string) => void): Promise<QualityRow> {
  const table = await readTable(`${data}/taylor-electricity/taylor-electricity.csv`, {
    target: "mw",
    time: "t",
    windows: { window: day, season: week, horizon: day, step: 1 },
  });
  const [begin, end] = [table.roles.time, table.roles.end].map((column) => (column as NumericColumn).values) as [
    Float64Array,
    Float64Array,
  ];
  const last = end.at(-1)!;
  const testFrom = last - testDays * day + 1;
  const validationFrom = testFrom - validationDays * day;
  const rows = (from: number, to: number) =>
    Int32Array.from({ length: table.rows }, (_, row) => row).filter((row) => begin[row]! >= from && end[row]! < to);
  // A forecast of the training or validation part ends before the next part begins.
  const parts = { train: rows(-Infinity, validationFrom), validation: rows(validationFrom, testFrom), test: rows(testFrom, Infinity) };
  const run = await fitTable(
    { kind: "gru", layers: [64], keepProbability: 0.8 },
    { ...parts, table, policy: `the last ${testDays} days`, notes: [] },
    { targetTransform: "change", optimizer: { kind: "adamw", learningRate: 0.002 }, epochs: 40, batchSize: 64, seed: 1 },
  );
  const { target } = run.plan;
  if (target.kind !== "amount" || !target.base) return internal("a forecast of changes");
  const prediction = await predictRows(modelOf(run), table, parts.test);
  const forecast = prediction.kind === "amount" ? prediction.amounts : internal("a forecast is of amounts");
  const [truth, before] = [amountsOf(table, parts.test), pastAt(table, parts.test, target.base.positions)];
  const errors = Array.from(parts.test, (_, row) => {
    let [ours, naive] = [0, 0];
    for (let at = row * day; at < (row + 1) * day; at++) {
      ours += Math.abs(truth[at]! - forecast[at]!) / day;
      naive += Math.abs(truth[at]! - before[at]!) / day;
    }
    return { ours, naive };
  });
  const average = (of: (error: (typeof errors)[number]) => number) => errors.reduce((sum, error) => sum + of(error), 0) / errors.length;
  const [ours, naive] = [average((error) => error.ours), average((error) => error.naive)];
  say(`  electricity: ${ours.toFixed(0)} MW against ${naive.toFixed(0)} MW of ${target.base.name} (best epoch ${run.epochs.best})`);
  // Forecasts from neighbouring half-hours overlap: one figure a day.
  const daily = Array.from({ length: Math.floor(errors.length / day) }, (_, i) => errors.slice(i * day, (i + 1) * day)).map(
    (some) => some.reduce((sum, error) => sum + error.ours - error.naive, 0) / some.length,
  );
  const interval = meanInterval(daily);
  return {
    name: "taylor-electricity",
    what:
      `\`gru\` of 64 units over a day, 48 half-hours ahead from each half-hour of the last ${testDays} days; mean absolute error ${ours.toFixed(0)} MW, ` +
      `the same half-hour of the week before ${naive.toFixed(0)} MW; the figure is the difference in MW, its interval over days`,
    figure: { ...interval, value: ours - naive },
    wanted: "below 0",
    ...(interval.low > 0 || interval.high < 0 ? { met: interval.high < 0 } : {}),
    seconds: run.fitSeconds,
  };
}
