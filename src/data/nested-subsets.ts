/** Smaller training parts for learning curves, each inside the next. */
import { GradusError } from "../util/errors.ts";
import { counted, grouped } from "../util/format.ts";
import { hashRows } from "./row-hash.ts";
import { orderByKey } from "./row-order.ts";
import type { Parts } from "./splitter.ts";
import { rowKeys } from "./splitters/clusters.ts";
import { strataOf } from "./splitters/random.ts";
import type { NumericColumn, Table } from "./table.ts";

/**
 * The same split with ever larger subsets of its training rows, nested: each holds all rows of the smaller ones. Classes keep their shares
 * (within one row), group by group where there are groups, and by time the latest rows, as a model in use would have them.
 * @param sizes rows, each from 1 to the training part's
 * @returns parts in the order of the sizes; validation and test are the same arrays
 * @throws GradusError on a size that is no whole number or larger than the training part
 */
export function nestedSubsets<P extends Parts & { readonly table: Table }>(parts: P, sizes: readonly number[], seed = 1): P[] {
  const { train, table } = parts;
  for (const size of sizes)
    if (!Number.isSafeInteger(size) || size < 1 || size > train.length)
      throw new GradusError(`a subset of the training part has 1 to ${grouped(train.length)} rows, found ${size}.`, {
        hint: "e.g. sizes that double, up to the whole part.",
      });
  const order = subsetOrder(table, train, seed);
  return sizes.map((size) => ({
    ...parts,
    train: order.slice(0, size).sort(),
    policy: `${parts.policy}, ${counted(size, "row")} of training`,
  }));
}

/** Training rows so that every beginning is a subset. */
function subsetOrder(table: Table, train: Int32Array, seed: number): Int32Array {
  const { group, time } = table.roles;
  if (time) return orderByKey((time as NumericColumn).values, train).reverse();
  const key = `${seed} subsets`;
  if (group) return orderByKey(hashRows([group], table.rows, key), train);
  const order = orderByKey(rowKeys(table, key), train);
  const { labels, classes } = strataOf(table);
  if (!labels) return order;
  const counts = new Float64Array(classes);
  for (const row of train) counts[labels[row]!]! += 1;
  // The i-th of a class's n rows stands at (i + ½) / n of the way, whatever the class.
  const seen = new Float64Array(classes);
  const places = new Float64Array(table.rows);
  for (const row of order) {
    const label = labels[row]!;
    places[row] = (seen[label]! + 0.5) / counts[label]!;
    seen[label]! += 1;
  }
  return orderByKey(places, order);
}
