import { fisherTail } from "../../util/binomial.ts";
import { counted, grouped, short } from "../../util/format.ts";
import { quantileSorted, wilsonInterval } from "../../util/statistics.ts";
import type { Pair } from "../../util/finding.ts";
import { rng } from "../../util/rng.ts";
import { sampleRows } from "../compared.ts";
import { nearestNeighbours, vectorsOf } from "../nearest.ts";
import { defineAuditRule, type Observation } from "../rule.ts";
import { chance, shareOf } from "../words.ts";

/** Rows asked for their nearest neighbour, and training rows among which it is sought. */
const mostAsked = 1500;
const mostAmong = 12_000;

/** Rows that are almost those of another part. */
export const nearDuplicates = defineAuditRule({
  name: "near-duplicates",
  title: "near copies",
  what:
    "The nearest training row of each row of another part: of tables in standardised columns, of images in 16×16 grays of mean 0 and deviation 1. A pair counts where it is far nearer " +
    "than training rows are to each other, and it warns only where there are more such pairs than between two random halves of the training part. Exact copies are not counted here.",
  source: "derived; Fisher's exact test",
  when: "audit",
  stops: false,
  limits: {
    quantile: { value: 0.01, means: "quantile of the distances between nearest training rows" },
    fraction: { value: 0.1, means: "fraction of that quantile below which a pair counts" },
    p: { value: 0.01, means: "p of “no more than between halves of training”, one-sided, below which it warns" },
  },
  check({ table, parts, seed, place }, limits) {
    const train = sampleRows(parts[0]!.rows, mostAmong, seed, "near copies");
    const others = parts.slice(1).map((part) => sampleRows(part.rows, mostAsked, seed, `near copies of ${part.name}`));
    const rows = Int32Array.from([train, ...others].flatMap((chosen) => [...chosen]));
    const vectors = vectorsOf(table, rows);
    if (!vectors || train.length < 20) return [];
    const order = rng(seed, "halves").permutation(train.length);
    const [half, rest] = [order.subarray(0, order.length >> 1), order.subarray(order.length >> 1)];
    const control = nearestNeighbours(vectors, rest.subarray(0, mostAsked), half);
    const within = Float64Array.from(control, ({ distance }) => distance)
      .filter(Number.isFinite)
      .sort();
    const limit = limits.fraction * quantileSorted(within, limits.quantile);
    const chanced = { count: control.filter(({ distance }) => distance < limit).length, n: control.length };
    let start = train.length;
    return parts.slice(1).map((part, i): Observation => {
      const asked = Int32Array.from(others[i]!, (_, at) => start + at);
      start += asked.length;
      const byHalf = nearestNeighbours(vectors, asked, half);
      const byRest = nearestNeighbours(vectors, asked, rest);
      const found = byHalf.map((a, at) => (a.distance <= byRest[at]!.distance ? a : byRest[at]!));
      const pairs = found.flatMap(({ at, distance }, k): Pair[] => (distance < limit ? [[rows[at]!, rows[asked[k]!]!]] : []));
      const tested = { count: byHalf.filter(({ distance }) => distance < limit).length, n: asked.length };
      const p = fisherTail(tested, chanced);
      const share = wilsonInterval(pairs.length, asked.length);
      const sample = asked.length < part.rows.length ? ` (a sample of ${grouped(part.rows.length)})` : "";
      const numbers = {
        pairs: pairs.length,
        rows: asked.length,
        share: share.value,
        distance: limit,
        control: chanced.count,
        controlRows: chanced.n,
        p,
      };
      if (p >= limits.p || pairs.length === 0) {
        const none = pairs.length === 0 ? "no near copies" : counted(pairs.length, "near copy", "near copies");
        return {
          severity: "pass",
          part: part.name,
          message: `${none} of training rows among ${counted(asked.length, `${part.name} row`)}${sample}, as between halves of training`,
          numbers,
        };
      }
      const [first, second] = pairs[0]!;
      return {
        severity: "warn",
        part: part.name,
        message: `${grouped(pairs.length)} of ${counted(asked.length, `${part.name} row`)}${sample}, ${shareOf(share)}, are nearly training rows (nearer than ${short(limit)}; between halves of training ${grouped(chanced.count)} of ${grouped(chanced.n)}, ${chance(p)}); the first: ${place(second)} and ${place(first)}`,
        hint: "if they are one thing seen twice, name it with --group, so that it stays in one part",
        numbers,
        pairs: pairs.slice(0, 20),
      };
    });
  },
});
