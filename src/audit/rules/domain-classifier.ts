import type { Column, Table } from "../../data/table.ts";
import { pickDataset, rowsOf, type Dataset } from "../../train/dataset.ts";
import { mannWhitney } from "../../util/hypothesis.ts";
import { grouped, short } from "../../util/format.ts";
import { standardNormalCdf } from "../../util/normal.ts";
import { rng } from "../../util/rng.ts";
import { wilsonInterval } from "../../util/statistics.ts";
import type { Compared } from "../compared.ts";
import { evidenceOf, isLater, laterHint } from "../evidence.ts";
import { defineAuditRule, type AuditContext, type Observation } from "../rule.ts";
import { trainSmall, type SmallNetwork } from "../small-network.ts";
import { chance, shareOf } from "../words.ts";

/** Rows of a side: half of them teach the network, half ask it. */
const mostRows = 4000;
/** Below so many asked, p is of permuted sides. */
const fewRows = 100;
const permutations = 2000;

/** A network that tells the parts apart. */
export const domainClassifier = defineAuditRule({
  name: "domain-classifier",
  title: "told apart",
  what:
    "A small network is trained to say which part a row is from, as many rows of either, and asked about rows it has not seen. Where the parts come from one distribution it is right half the time. " +
    "The effect is 2·AUC − 1, its interval Hanley and McNeil's; p is Mann and Whitney's, of few rows by permutation. Of windows over a series only those that do not overlap are asked about. The features whose shuffling costs most AUC are what betrays the part. " +
    "Of a part that is of a later time it warns at most, and features that only rise or fall with the time are left out: no two times are alike.",
  source: "Lopez-Paz & Oquab 2017; limits of Deepchecks",
  when: "audit",
  stops: false,
  limits: {
    family: { value: 0.05, means: "probability that any part warns where nothing differs" },
    note: { value: 0.1, means: "effect from which on it warns" },
    fail: { value: 0.25, means: "effect, at the lower end of its 95 % interval, from which on it fails" },
  },
  async check(context, limits) {
    const { table, parts } = context;
    const features = context.compared();
    const evidence = evidenceOf(table, parts, features);
    const observations: Observation[] = [];
    for (let part = 1; part < parts.length; part++) {
      const later = isLater(table, parts[0]!, parts[part]!);
      const asked = later ? features.filter((feature) => feature.kind !== "numeric" || !feature.followsTime) : features;
      const found = await tellApart(context, asked, part);
      if (!found) continue;
      const { auc, p, accuracyP, accuracy, held, top } = found;
      const effect = 2 * auc - 1;
      const surely = 2 * lowerAuc(auc, held / 2) - 1;
      const { name } = parts[part]!;
      const numbers = { accuracy: accuracy.value, low: accuracy.low, high: accuracy.high, accuracyP, auc, effect, surely, p, rows: held };
      const figures = `${shareOf(accuracy)} right on ${grouped(held)} rows, AUC ${short(auc)}, ${chance(p)}${evidence}`;
      const apart = effect >= limits.note && p < limits.family / (parts.length - 1);
      if (!apart) {
        observations.push({
          severity: "pass",
          part: name,
          message: `a network cannot tell ${name} rows from training rows: ${figures}`,
          numbers,
        });
        continue;
      }
      const betrayed = top.length > 0 ? `; by ${top.map((each) => `${each.name} (${short(each.loss)} of AUC)`).join(", ")}` : "";
      observations.push({
        severity: surely >= limits.fail && !later ? "fail" : "warn",
        part: name,
        message: `a network tells ${name} rows from training rows: ${figures}${betrayed}`,
        hint: later
          ? laterHint
          : "pool the rows and split again; where the part is what the network will meet, measure the consequence with a train-dev set",
        numbers,
      });
    }
    return observations;
  },
});

async function tellApart(context: AuditContext, features: readonly Compared[], part: number) {
  const { parts, seed } = context;
  const rows = Math.min(mostRows, ...[0, part].map((i) => features[0]?.values[i]!.length ?? 0));
  const half = Math.floor(rows / 2);
  if (half < 10) return undefined;
  const table = sidesTable(features, part, parts[part]!.name, rows, seed);
  if (table.columns.length === 0) return undefined;
  const sides = [0, rows];
  const taught = Int32Array.from(sides.flatMap((from) => Array.from({ length: half }, (_, i) => from + i)));
  const held = Int32Array.from(sides.flatMap((from) => Array.from({ length: rows - half }, (_, i) => from + half + i)));
  const network = await trainSmall(table, taught, context, { layers: [32], steps: Math.max(200, Math.min(600, 4 * half)) });
  try {
    const data = await network.prepare(held);
    const count = rows - half;
    const { prediction } = await network.ask(data);
    const [first, second] = [prediction.subarray(count), prediction.subarray(0, count)];
    const right = first.filter((q) => q > 0.5).length + second.filter((q) => q <= 0.5).length;
    const { auc, p } = mannWhitney(first, second);
    const few = count < fewRows ? permuted(prediction, count, auc, seed) : p;
    const accuracy = wilsonInterval(right, 2 * count);
    // Lopez-Paz and Oquab's own: the accuracy about ½ with variance 1/(4n).
    const accuracyP = standardNormalCdf(-(accuracy.value - 0.5) * 2 * Math.sqrt(2 * count));
    const effect = 2 * auc - 1;
    const top = effect > 0.1 ? await betrayers(network, data, count, auc, seed) : [];
    return { auc, p: few, accuracyP, accuracy, held: 2 * count, top };
  } finally {
    await network.dispose();
  }
}

/** Rows of both sides as a table, in random order each, whose target is the side. */
function sidesTable(features: readonly Compared[], part: number, name: string, rows: number, seed: number): Table {
  const chosen = [0, part].map((side) => rng(seed, "sides", side).permutation(features[0]!.values[side]!.length).subarray(0, rows));
  const columns = features.flatMap((feature): Column[] => {
    if (feature.kind === "categorical") {
      const codes = Int32Array.from([0, part].flatMap((side, i) => Array.from(chosen[i]!, (at) => feature.values[side]![at]!)));
      if (codes.every((code) => code === codes[0])) return [];
      return [{ name: feature.name, kind: "categorical", sqlType: "VARCHAR", categories: feature.categories, codes }];
    }
    const values = Float64Array.from([0, part].flatMap((side, i) => Array.from(chosen[i]!, (at) => feature.values[side]![at]!)));
    if (values.every((value) => Object.is(value, values[0]))) return [];
    return [{ name: feature.name, kind: "numeric", sqlType: "DOUBLE", values }];
  });
  const codes = Int32Array.from({ length: 2 * rows }, (_, row) => (row < rows ? 0 : 1));
  const column = { name: "part", kind: "categorical", sqlType: "VARCHAR", categories: ["training", name], codes } as const;
  const reason = "which part a row is from";
  return {
    source: { path: "the parts", fingerprint: "", rows: 2 * rows },
    rows: 2 * rows,
    columns,
    target: { name: "part", task: "classification", reason, column, references: [] },
    roles: {},
    notes: [],
  };
}

/** The lower end of the 95 % interval of an AUC of n rows a side (Hanley & McNeil 1982). */
function lowerAuc(auc: number, n: number): number {
  const [first, second] = [auc / (2 - auc), (2 * auc * auc) / (1 + auc)];
  const variance = (auc * (1 - auc) + (n - 1) * (first + second - 2 * auc * auc)) / (n * n);
  return auc - 1.96 * Math.sqrt(Math.max(0, variance));
}

/** The share of shuffled sides with at least this AUC. */
function permuted(scores: Float32Array, count: number, auc: number, seed: number): number {
  const draw = rng(seed, "permuted sides");
  let reached = 0;
  for (let i = 0; i < permutations; i++) {
    const order = draw.permutation(scores.length);
    const of = (places: Int32Array) => Float32Array.from(places, (at) => scores[at]!);
    if (mannWhitney(of(order.subarray(count)), of(order.subarray(0, count))).auc >= auc) reached += 1;
  }
  return (reached + 1) / (permutations + 1);
}

/** The features that cost the most AUC when their values are dealt to other rows. */
async function betrayers(network: SmallNetwork, data: Dataset, count: number, auc: number, seed: number) {
  const width = data.features.shape[1]!;
  const order = rng(seed, "shuffled feature").permutation(rowsOf(data));
  const shuffled = pickDataset(data, order).features.data as Float32Array;
  const blocks = network.plan.columns.map(({ column }) => {
    const own = new Set([column, `${column} is missing`]);
    return { name: column, at: network.plan.features.flatMap((name, i) => (own.has(name) || name.startsWith(`${column} = `) ? [i] : [])) };
  });
  const losses: { name: string; loss: number }[] = [];
  for (const { name, at } of blocks) {
    const values = (data.features.data as Float32Array).slice();
    for (let row = 0; row < rowsOf(data); row++) for (const i of at) values[row * width + i] = shuffled[row * width + i]!;
    const { prediction } = await network.ask({ ...data, features: { ...data.features, data: values } });
    losses.push({ name, loss: auc - mannWhitney(prediction.subarray(count), prediction.subarray(0, count)).auc });
  }
  return losses
    .filter(({ loss }) => loss > 0.01)
    .toSorted((a, b) => b.loss - a.loss)
    .slice(0, 5);
}
