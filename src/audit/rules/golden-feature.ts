import { countWrong } from "../../train/events.ts";
import { percent } from "../words.ts";
import { short } from "../../util/format.ts";
import { skill, type Score } from "../one-feature.ts";
import { defineAuditRule, type AuditContext } from "../rule.ts";
import { trainSmall } from "../small-network.ts";
import { innerSplit, scalarTarget, scoreFeatures } from "./target-leak.ts";

/** One feature that does the work of all. */
export const goldenFeature = defineAuditRule({
  name: "golden-feature",
  title: "golden feature",
  what:
    "A small network on all features against each feature alone, both fitted to the same two thirds of the training rows and scored on the rest, as the share of the commonest class's errors " +
    "(of an amount, of the squares about the mean) that is gone. A feature alone that comes within the limit of all of them is noted, and from a high score on warned of: it may leak the target.",
  source: "skore SKD011; the bar between note and warning derived",
  when: "audit",
  stops: false,
  limits: {
    points: { value: 0.03, means: "distance from the full score, or" },
    relative: { value: 0.1, means: "share of the full score, whichever is larger, within which a feature is golden" },
    suspect: { value: 0.9, means: "score of the feature alone from which on it warns" },
  },
  async check(context, limits) {
    const scores = scoreFeatures(context);
    const features = context.table.columns.length;
    if (!scores || scores.length < 2 || scores.length < features) return [];
    const full = skill(await fullScore(context));
    const [best] = scores.map(({ name, score }) => ({ name, alone: skill(score) })).toSorted((a, b) => b.alone - a.alone);
    const { name, alone } = best!;
    const numbers = { alone, full };
    const compared = `${name} alone removes ${percent(alone)} of what there is to explain, all ${features} features ${percent(full)}`;
    if (full <= 0 || full - alone > Math.max(limits.points, limits.relative * full))
      return [
        {
          severity: "pass",
          message: `no feature does the work of all: ${full <= 0 ? `together they explain ${short(full)}` : compared}`,
          numbers,
        },
      ];
    const suspect = alone >= limits.suspect;
    return [
      {
        severity: suspect ? "warn" : "note",
        subject: name,
        message: compared,
        ...(suspect ? { hint: "is it known when a prediction is made? if not, it leaks the target: --drop it" } : {}),
        numbers,
      },
    ];
  },
});

async function fullScore(context: AuditContext): Promise<Score> {
  const { table } = context;
  const target = scalarTarget(table)!;
  const { fit, held } = innerSplit(context);
  // Some twenty epochs: few rows are learnt by heart before that.
  const steps = Math.min(1500, Math.max(200, Math.round((20 * fit.length) / 32)));
  const network = await trainSmall(table, fit, context, { layers: [64, 32], steps });
  try {
    const data = await network.prepare(held);
    const { prediction } = await network.ask(data);
    const truth = data.targets.data as Float32Array;
    if (target.kind === "categorical") {
      const counts = new Int32Array(target.categories.length);
      for (const row of fit) counts[target.codes[row]!]! += 1;
      const usual = counts.indexOf(Math.max(...counts));
      const baseline = held.filter((row) => target.codes[row] !== usual).length;
      return { loss: countWrong(prediction, truth, network.problem.outputs), baseline, rows: held.length };
    }
    // Both are standardised by the fitted rows: their mean is 0.
    let [loss, baseline] = [0, 0];
    truth.forEach((y, i) => {
      loss += (y - prediction[i]!) ** 2;
      baseline += y * y;
    });
    return { loss, baseline, rows: held.length };
  } finally {
    await network.dispose();
  }
}
