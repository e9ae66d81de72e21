import { countWrong } from "../../train/events.ts";
import { grouped, short } from "../../util/format.ts";
import { bootstrapMean } from "../../util/statistics.ts";
import { copiesOf } from "../copies.ts";
import { sampleRows } from "../compared.ts";
import { defineAuditRule, type AuditContext, type AuditPart, type Observation } from "../rule.ts";
import { trainSmall } from "../small-network.ts";
import { percent, pointsOf } from "../words.ts";

const mostTrain = 20_000;
const mostRows = 10_000;

/** What copies across parts are worth, in points of the metric. */
export const leakImpact = defineAuditRule({
  name: "leak-impact",
  title: "leak impact",
  what:
    "Where rows of a part were trained on as copies: a small network is trained with these copies and without them, from two seeds each. The difference of the errors on the copied rows, " +
    "times their share of the part, is what they flatter the figure by; the interval is a bootstrap over the copied rows, paired. Of amounts, the same of squared errors, in variances of the target.",
  source: "derived (impact by intervention)",
  when: "audit",
  stops: false,
  limits: {
    copies: { value: 20, means: "copies in a part below which nothing is trained" },
    most: { value: 0.5, means: "share of copies in a part above which there is nothing to compare with" },
    points: { value: 0.005, means: "impact, at the interval's lower end, above which it warns" },
  },
  async check(context, limits) {
    const { table, parts } = context;
    if (!table.target || table.target.column.kind === "sequence" || table.sequences?.windows) return [];
    const observations: Observation[] = [];
    for (const part of parts.slice(1)) {
      const copies = copiesOf(context.equal(), parts.slice(0, 1), part).map(([, row]) => row);
      if (copies.length < limits.copies || copies.length > limits.most * part.rows.length) continue;
      const { impact, on, off } = await measure(context, part, Int32Array.from(copies));
      const classes = table.target.task === "classification";
      const unit = (value: number) => (classes ? percent(value) : short(value));
      const text = classes
        ? `copies flatter the error on ${part.name} by ${pointsOf(impact)}`
        : `copies flatter the squared error on ${part.name} by ${short(impact.value)} (${short(impact.low)} – ${short(impact.high)}) of the target's variance`;
      observations.push({
        severity: impact.low > limits.points ? "warn" : "note",
        part: part.name,
        message: `${text}: on the ${grouped(copies.length)} copied rows ${unit(on)} with them in training, ${unit(off)} without (a small network)`,
        numbers: { impact: impact.value, low: impact.low, high: impact.high, with: on, without: off, copies: copies.length },
      });
    }
    return observations;
  },
});

async function measure(context: AuditContext, part: AuditPart, copies: Int32Array) {
  const { parts, seed } = context;
  const { groupOf } = context.equal();
  const asked = sampleRows(copies, mostRows, seed, "impact, asked");
  const copied = new Set(Array.from(asked, (row) => groupOf[row]!));
  const train = sampleRows(parts[0]!.rows, mostTrain, seed, "impact");
  // The copies are in training whatever the sample.
  const every = parts[0]!.rows.filter((row) => copied.has(groupOf[row]!));
  const twins = sampleRows(every, mostTrain, seed, "impact, twins");
  const rest = train.filter((row) => !copied.has(groupOf[row]!));
  const [off, on] = [await losses(context, rest, asked), await losses(context, Int32Array.from([...rest, ...twins]).sort(), asked)];
  const share = copies.length / part.rows.length;
  const found = bootstrapMean(
    off.map((loss, i) => share * (loss - on[i]!)),
    { seed: 1 },
  );
  const mean = (values: Float64Array) => values.reduce((a, b) => a + b, 0) / values.length;
  return { impact: found, on: mean(on), off: mean(off) };
}

/** Row by row, the mean of two seeds: 1 where the class is wrong; the squared error in variances of the target. */
async function losses(context: AuditContext, train: Int32Array, asked: Int32Array): Promise<Float64Array> {
  const sums = new Float64Array(asked.length);
  for (const seed of [context.seed, context.seed + 1]) {
    const network = await trainSmall(context.table, train, context, { layers: [64, 32], steps: 2000, seed });
    try {
      const data = await network.prepare(asked);
      const { prediction } = await network.ask(data);
      const truth = data.targets.data as Float32Array;
      const { outputs, loss } = network.problem;
      sums.forEach((_, row) => {
        const [own, wanted] = [prediction, truth].map((values) => values.subarray(row * outputs, (row + 1) * outputs)) as [
          Float32Array,
          Float32Array,
        ];
        sums[row]! += (loss.prediction === "identity" ? (own[0]! - wanted[0]!) ** 2 : countWrong(own, wanted, outputs)) / 2;
      });
    } finally {
      await network.dispose();
    }
  }
  return sums;
}
