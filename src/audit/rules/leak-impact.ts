import { hashRows } from "../../data/row-hash.ts";
import { counted, grouped, short } from "../../util/format.ts";
import { rng } from "../../util/rng.ts";
import { bootstrapMean } from "../../util/statistics.ts";
import { sampleRows } from "../compared.ts";
import { defineAuditRule, type AuditContext, type Observation } from "../rule.ts";
import { trainSmall } from "../small-network.ts";
import { pointsOf } from "../words.ts";
import { copiesOf } from "./duplicates.ts";

const mostTrain = 20_000;
const mostRows = 10_000;

/** What copies across parts are worth, in points of the metric. */
export const leakImpact = defineAuditRule({
  name: "leak-impact",
  title: "leak impact",
  what:
    "Where rows of a part were trained on as copies: a small network is trained twice, once without these copies and once without as many other rows. " +
    "The difference of their errors on the whole part is what the copies flatter the figure by, paired over its rows, with a bootstrap interval; of amounts, the difference of the root mean squared errors, relative to the target's deviation.",
  source: "derived (impact by intervention)",
  when: "audit",
  stops: false,
  limits: {
    copies: { value: 20, means: "copies in a part below which nothing is trained" },
    points: { value: 0.005, means: "impact, at the interval's lower end, above which it warns" },
  },
  async check(context, limits) {
    const { table, parts } = context;
    if (!table.target || table.target.column.kind === "sequence") return [];
    const keys = hashRows(table.columns, table.rows, 0);
    const observations: Observation[] = [];
    for (let i = 1; i < parts.length; i++) {
      const part = parts[i]!;
      const copies = copiesOf(keys, parts.slice(0, 1), part);
      if (copies.length < limits.copies) continue;
      const { impact, without, withCopies, removed } = await measure(context, keys, i, new Set(copies.map(([, row]) => keys[row]!)));
      const classes = table.target.task === "classification";
      const text = classes
        ? `copies flatter the error on ${part.name} by ${pointsOf({ ...impact })}: ${short(100 * withCopies)} % with them in training, ${short(100 * without)} % without`
        : `copies flatter the squared error on ${part.name} by ${short(impact.value)} (${short(impact.low)} – ${short(impact.high)}) of the target's variance`;
      observations.push({
        severity: impact.low > limits.points ? "warn" : "note",
        subject: part.name,
        message: `${text} (a small network, ${counted(removed, "training row")} left out of ${grouped(Math.min(mostTrain, parts[0]!.rows.length))} either way)`,
        numbers: { impact: impact.value, low: impact.low, high: impact.high, with: withCopies, without, removed },
      });
    }
    return observations;
  },
});

async function measure(context: AuditContext, keys: Float64Array, part: number, copied: ReadonlySet<number>) {
  const { parts, seed } = context;
  const train = sampleRows(parts[0]!.rows, mostTrain, seed, "impact");
  const asked = sampleRows(parts[part]!.rows, mostRows, seed, "impact, asked");
  const clean = train.filter((row) => !copied.has(keys[row]!));
  const removed = train.length - clean.length;
  const drop = new Set(
    rng(seed, "impact, left out")
      .permutation(clean.length)
      .subarray(0, removed)
      .map((at) => clean[at]!),
  );
  const control = train.filter((row) => !drop.has(row));
  const [without, withCopies] = [await losses(context, clean, asked), await losses(context, control, asked)];
  const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
  const difference = without.map((loss, i) => loss - withCopies[i]!);
  return { impact: bootstrapMean(difference, { seed: 1 }), without: mean(without), withCopies: mean(withCopies), removed };
}

/** Row by row: 1 where the class is wrong; the squared error in standardised units. */
async function losses(context: AuditContext, train: Int32Array, asked: Int32Array): Promise<Float64Array> {
  const network = await trainSmall(context.table, train, context, { layers: [128, 64], steps: 3000 });
  try {
    const data = await network.prepare(asked);
    const { prediction } = await network.ask(data);
    const truth = data.targets.data as Float32Array;
    const { outputs, loss } = network.problem;
    return Float64Array.from(asked, (_, row) => {
      if (loss.prediction === "identity") return (prediction[row]! - truth[row]!) ** 2;
      if (outputs === 1) return prediction[row]! > 0.5 === truth[row]! > 0.5 ? 0 : 1;
      const best = prediction.subarray(row * outputs, (row + 1) * outputs);
      return truth[row * outputs + best.indexOf(Math.max(...best))]! > 0.5 ? 0 : 1;
    });
  } finally {
    await network.dispose();
  }
}
