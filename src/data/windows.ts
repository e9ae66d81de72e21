/** A series, a line per moment, as examples: windows of past values, and the values that came after each. */
import { GradusError } from "../util/errors.ts";
import { orderLines } from "./by-id.ts";
import {
  grouped,
  selectColumn,
  type CategoricalColumn,
  type NumericColumn,
  type ScalarColumn,
  type SequenceColumn,
  type Table,
  type Target,
  type Where,
} from "./table.ts";
import { MOST_NUMBERS } from "./tokens.ts";

/** How windows are cut; all in lines. */
export interface WindowOptions {
  /** Past lines that an example sees. */
  readonly window: number;
  /** Lines ahead that are forecast, all of them; 1 where left out. */
  readonly horizon?: number | undefined;
  /** Lines from one example to the next; the horizon where left out. */
  readonly step?: number | undefined;
  /** Lines of a period, such as a week: an example also sees each value's change on the one a period before. */
  readonly season?: number | undefined;
}

/**
 * Examples from the end of each series backwards: the lines before an origin are the input, the target's values from it on are forecast.
 * The table's `time` becomes that of the first line forecast, and `end` that of the last, so that a split by time can keep a forecast of
 * one part from reaching into the next; for a prediction `time` is that of the last line seen.
 * @param table lines, without a target of its own; its role `id`, if any, tells several series apart; its role `time`, if any, orders them
 * @param target the column to forecast, numeric, which is an input too
 * @param options.known false for a prediction: the windows reach the very last lines, and what they forecast is not in the file
 * @throws GradusError where a series is too short, the target is no number or missing, or several series have no times
 */
export function cutWindows(
  table: Table,
  target: string,
  options: WindowOptions & { readonly known?: boolean },
  where: Where = (row) => `row ${row + 1}`,
): Table {
  const { path } = table.source;
  const { window, horizon = 1, step = horizon, season, known = true } = options;
  const reach = window + (season ?? 0);
  const { id, time, ...others } = table.roles;
  const other = Object.entries(others).find(([, column]) => column);
  if (other)
    throw new GradusError(`windows over a series are split by time; column "${other[1].name}" cannot steer the split as well.`, {
      hint: "leave it out, or keep several series apart with --sequence-id.",
    });
  if (id && !time)
    throw new GradusError(`${path}: windows over several series (${id.name}) are split by time, and no column of times is named.`, {
      hint: "--time COLUMN",
    });
  const lines = orderLines(path, table.rows, id as CategoricalColumn | undefined, time as NumericColumn | undefined, where);
  const { order, offsets } = lines;
  const columns = inputsOf(table, target);
  const ahead = known ? horizon : 0;
  const origins: number[] = [];
  for (let series = 0; series + 1 < offsets.length; series++) {
    const [from, to] = [offsets[series]!, offsets[series + 1]!];
    if (to - from < reach + ahead) {
      const row = order[to - 1]!;
      const name = id ? `${id.name} "${(id as CategoricalColumn).categories[(id as CategoricalColumn).codes[row]!]}"` : "the series";
      throw new GradusError(
        `${path}, ${where(row)}: ${name} ends after ${grouped(to - from)} line${to - from === 1 ? "" : "s"}; a window of ${window}${season === undefined ? "" : `, the season of ${season} before it`}${known ? ` and the ${horizon} ahead` : ""} needs ${grouped(reach + ahead)}.`,
        { hint: "take a shorter --window, or leave the series out." },
      );
    }
    const first = origins.length;
    for (let at = to - ahead; at - reach >= from; at -= step) origins.push(at);
    origins.push(...origins.splice(first).reverse());
  }
  const rows = origins.length;
  const seenAt = (origin: number): number => order[origin - 1]!;
  const times = (time as NumericColumn | undefined)?.values;
  // Series side by side: windows in the order of time, so that a split by time cuts all of them.
  if (times) origins.sort((a, b) => times[seenAt(a)]! - times[seenAt(b)]! || a - b);
  if (rows * reach * columns.length > MOST_NUMBERS)
    throw new GradusError(
      `${path}: ${grouped(rows)} windows of ${grouped(window)} lines and ${columns.length} columns hold more than the ${grouped(MOST_NUMBERS)} numbers that fit in memory.`,
      { hint: "take a larger --step between windows, or a shorter --window." },
    );
  // Without a column of times the lines are counted from 1.
  const clock: NumericColumn = (time as NumericColumn | undefined) ?? {
    name: "line",
    kind: "numeric",
    sqlType: "BIGINT",
    values: Float64Array.from({ length: table.rows }, (_, row) => row + 1),
  };
  const moments = (of: (origin: number) => number): Float64Array => Float64Array.from(origins, of);
  const at = (place: number): number => clock.values[order[place]!]!;
  const span = (from: number, length: number, column: ScalarColumn): SequenceColumn => slices(column, order, origins, from, length);
  const [series] = columns;
  const forecast = known ? targetOf(path, series, span(0, horizon, series), (i, ahead) => where(order[origins[i]! + ahead]!)) : undefined;
  return {
    ...table,
    source: { ...table.source, rows },
    rows,
    columns: columns.map((column) => span(-reach, reach, column)),
    target: forecast,
    roles: {
      ...(id ? { series: selectColumn(id, Int32Array.from(origins, seenAt)) } : {}),
      time: { ...clock, values: moments((origin) => at(known ? origin : origin - 1)) },
      ...(known
        ? { end: { ...clock, name: `${clock.name} of the last forecast`, values: moments((origin) => at(origin + horizon - 1)) } }
        : {}),
    },
    sequences: { ...table.sequences, windows: { target, window, horizon, step, ...(season === undefined ? {} : { season }) } },
    notes: [
      ...table.notes,
      `${grouped(table.rows)} lines are ${grouped(rows)} windows of ${grouped(window)}${season === undefined ? "" : `, with the changes on ${grouped(season)} lines before`}, a new one every ${step === 1 ? "line" : grouped(step)}; ${target} is forecast ${horizon === 1 ? "one line" : `${grouped(horizon)} lines`} ahead`,
      ...(time ? [] : ["no --time was named: the lines follow each other as in the file"]),
      ...lines.notes,
      ...(time ? unevenness(time as NumericColumn, lines.order, offsets, where) : []),
    ],
  };
}

/** The target's past first, then the others. */
function inputsOf({ source, columns }: Table, target: string): readonly [NumericColumn, ...ScalarColumn[]] {
  const series = columns.find(({ name }) => name === target);
  if (series?.kind !== "numeric")
    throw new GradusError(`${source.path}: a forecast (--window) needs a column of changing numbers, "${target}" is none.`, {
      hint: "--target COLUMN",
    });
  return [series, ...(columns.filter(({ name }) => name !== target) as ScalarColumn[])];
}

/** @throws GradusError where a value that is to be forecast is missing */
function targetOf(
  path: string,
  { name, kind, sqlType }: NumericColumn,
  column: SequenceColumn,
  where: (row: number, ahead: number) => string,
): Target {
  const horizon = column.offsets[1]!;
  const gap = column.values.findIndex(Number.isNaN);
  if (gap >= 0)
    throw new GradusError(
      `${path}, ${where(Math.floor(gap / horizon), gap % horizon)}: "${name}" is missing, and is to be forecast there.`,
      {
        hint: "fill the value in, or cut the series before it.",
      },
    );
  return { name, task: "regression", reason: "its next values are forecast", column, references: [{ name, kind, sqlType }] };
}

/** A column's lines from each origin + `from` on, `length` of them. */
function slices(column: ScalarColumn, order: Int32Array, origins: readonly number[], from: number, length: number): SequenceColumn {
  const source = column.kind === "numeric" ? column.values : column.codes;
  const values = new Float64Array(origins.length * length);
  origins.forEach((origin, i) => {
    for (let step = 0; step < length; step++) values[i * length + step] = source[order[origin + from + step]!]!;
  });
  const { name, sqlType } = column;
  const offsets = Float64Array.from({ length: origins.length + 1 }, (_, i) => i * length);
  const tokens = column.kind === "categorical" ? { tokens: column.categories } : column.dates ? { dates: column.dates } : {};
  return { name, kind: "sequence", sqlType: `${sqlType}[]`, width: 1, offsets, values, ...tokens };
}

/** Windows count lines: where times leave gaps, that is said. */
function unevenness({ name, values }: NumericColumn, order: Int32Array, offsets: Float64Array, where: Where): string[] {
  const usual = values[order[1]!]! - values[order[0]!]!;
  let [gaps, first] = [0, -1];
  for (let series = 0; series + 1 < offsets.length; series++)
    for (let at = offsets[series]! + 1; at < offsets[series + 1]!; at++) {
      const gap = values[order[at]!]! - values[order[at - 1]!]!;
      if (Math.abs(gap - usual) <= 1e-9 * Math.abs(usual)) continue;
      if (gaps++ === 0) first = order[at]!;
    }
  if (gaps === 0) return [];
  return [
    `${name} is uneven: ${gaps === 1 ? "1 step is" : `${grouped(gaps)} steps are`} not the first one's ${usual}, the first in ${where(first)}; windows count lines`,
  ];
}
