/** By time: train on the earliest rows, test on the latest; rows of one moment stay together. */
import { GradusError } from "../../util/errors.ts";
import { NONE, TEST, TRAIN, VALIDATION } from "../part.ts";
import { orderByKey } from "../row-order.ts";
import type { Splitter, SplitRequest } from "../splitter.ts";
import { grouped, type NumericColumn, type Table } from "../table.ts";

export const byTime: Splitter = {
  name: "time",
  applies: (table) => table.roles.time !== undefined,
  split(request) {
    const { table, sizes, kept } = request;
    const column = table.roles.time as NumericColumn;
    const { values } = column;
    const [from, validationFrom, testFrom] = kept ? keptMoments(table, values, kept) : cutMoments(request, values);
    const partOf = new Uint8Array(table.rows);
    for (let row = 0; row < table.rows; row++) {
      const time = values[row]!;
      partOf[row] = time >= testFrom ? TEST : time >= validationFrom ? VALIDATION : time >= from ? TRAIN : NONE;
    }
    const crossing = leaveOutCrossing(table, partOf, validationFrom, testFrom);
    const test = testFrom < Infinity ? `, test from ${moment(table, testFrom)} on` : "";
    return {
      partOf,
      policy: `${sizes.policy} by ${column.name}, earliest to latest`,
      notes: [
        `validation from ${moment(table, validationFrom)} on${test}`,
        ...(crossing > 0
          ? [`${crossing === 1 ? "1 row" : `${grouped(crossing)} rows`} whose forecast reaches into the next part: in none`]
          : []),
        ...disorder(table, column),
        ...(kept ? [`new rows go by the saved moments: to move them on, split again`] : []),
      ],
    };
  },
};

/** A forecast of one part must end before those of the next begin. */
function leaveOutCrossing({ roles }: Table, partOf: Uint8Array, validationFrom: number, testFrom: number): number {
  const ends = (roles.end as NumericColumn | undefined)?.values;
  let crossing = 0;
  ends?.forEach((end, row) => {
    const next = partOf[row] === TRAIN ? validationFrom : partOf[row] === VALIDATION ? testFrom : Infinity;
    if (end < next) return;
    partOf[row] = NONE;
    crossing++;
  });
  return crossing;
}

/** Where training, validation and test begin; ∞ where there is no test set. */
type Moments = readonly [train: number, validation: number, test: number];

function cutMoments({ table, sizes }: SplitRequest, values: Float64Array): Moments {
  const order = orderByKey(values);
  const testFrom = boundary(values, order, table.rows - sizes.test, 0);
  const validationFrom = boundary(values, order, Math.max(0, testFrom - sizes.validation), 0, testFrom);
  if (validationFrom === 0 || validationFrom >= testFrom || (sizes.test > 0 && testFrom >= table.rows))
    throw new GradusError(
      `${table.source.path}: column "${table.roles.time!.name}" (--time) has too few distinct times to cut ${sizes.policy} between them.`,
      {
        hint: "name a finer time column, or leave out --time.",
      },
    );
  const limited = sizes.train + sizes.validation + sizes.test < table.rows;
  const trainFrom = limited ? boundary(values, order, Math.max(0, validationFrom - sizes.train), -1, validationFrom) : 0;
  const at = (place: number): number => (place < order.length ? values[order[place]!]! : Infinity);
  return [trainFrom > 0 && trainFrom < validationFrom ? at(trainFrom) : -Infinity, at(validationFrom), at(testFrom)];
}

/** Where the saved parts begin. @throws GradusError where their times have changed, so that they overlap */
function keptMoments(table: Table, values: Float64Array, kept: Uint8Array): Moments {
  const least = [Infinity, Infinity, Infinity];
  const most = [-Infinity, -Infinity, -Infinity];
  for (let row = 0; row < table.rows; row++) {
    const part = kept[row]!;
    if (part === NONE) continue;
    least[part] = Math.min(least[part]!, values[row]!);
    most[part] = Math.max(most[part]!, values[row]!);
  }
  if (most[TRAIN]! >= least[VALIDATION]! || most[VALIDATION]! >= least[TEST]!)
    throw new GradusError(
      `${table.source.path}: the times of column "${table.roles.time!.name}" (--time) have changed: rows of the saved training part are as late as validation or test rows.`,
      { hint: "split again, without --split-file." },
    );
  return [-Infinity, least[VALIDATION]!, least[TEST]!];
}

/** The place between two different times nearest to `wanted`, within (least, most]; `most` itself counts as a place. */
function boundary(values: Float64Array, order: Int32Array, wanted: number, least: number, most = order.length): number {
  const fits = (at: number): boolean => at >= most || at <= Math.max(0, least) || values[order[at]!] !== values[order[at - 1]!];
  for (let far = 0; far <= order.length; far++) {
    if (wanted - far > least && fits(wanted - far)) return wanted - far;
    if (wanted + far < most && wanted + far > least && fits(wanted + far)) return wanted + far;
    if (wanted + far === most && wanted === most) return most;
  }
  return least;
}

/** Where the file itself is not in the order of time. */
function disorder(table: Table, { name, values }: NumericColumn): string[] {
  const back = values.findIndex((time, row) => row > 0 && time < values[row - 1]!);
  if (back < 0) return [];
  let count = 0;
  for (let row = 1; row < values.length; row++) if (values[row]! < values[row - 1]!) count += 1;
  return [
    `${name} goes back ${count === 1 ? "once" : `${grouped(count)} times`} in the file, first in row ${grouped(back + 1)} (${moment(table, values[back - 1]!)}, then ${moment(table, values[back]!)}): the rows were put in order`,
  ];
}

function moment(table: Table, time: number): string {
  const sqlType = table.roles.time!.sqlType;
  if (sqlType === "DATE") return new Date(time * 1000).toISOString().slice(0, 10);
  if (sqlType === "TIMESTAMP") return new Date(time * 1000).toISOString().slice(0, 19).replace("T", " ");
  return String(time);
}
