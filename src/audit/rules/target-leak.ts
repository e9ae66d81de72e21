import type { ScalarColumn, Table } from "../../data/table.ts";
import { rng } from "../../util/rng.ts";
import { short } from "../../util/format.ts";
import { wilsonInterval } from "../../util/statistics.ts";
import { sampleRows } from "../compared.ts";
import { scoreFeature, skill, type Score } from "../one-feature.ts";
import { defineAuditRule, type AuditContext, type Observation } from "../rule.ts";
import { percent } from "../words.ts";

const mostRows = 20_000;
/** The sampled training rows are scored in so many folds, each by a fit to the others. */
const folds = 3;

/** One feature that is the target in another form. */
export const targetLeak = defineAuditRule({
  name: "target-leak",
  title: "target leak",
  what:
    "Every feature alone is fitted to two thirds of the training rows (64 bins with a line each, or its categories) and scored on the rest, each third in turn. One that leaves next to nothing " +
    "of the errors of the commonest class, even at the upper end of the 95 % interval, or of the squares about the mean, is the target in another form, or was written down after it.",
  source: "skore SKD011, its extreme; limits derived",
  when: "train",
  stops: true,
  limits: {
    left: { value: 0.02, means: "share of the commonest class's errors that may be left, at the interval's upper end" },
    r2: { value: 0.999, means: "R² of an amount by one feature from which on it fails" },
  },
  check(context, limits) {
    const { table } = context;
    const scores = scoreFeatures(context);
    if (!scores) return [];
    const classes = table.target!.task === "classification";
    const found = scores.filter(({ score }) => {
      if (!classes) return skill(score) >= limits.r2;
      return score.baseline > 0 && wilsonInterval(score.loss, score.rows).high < (limits.left * score.baseline) / score.rows;
    });
    if (found.length === 0) {
      const [best] = scores.toSorted((a, b) => skill(b.score) - skill(a.score));
      const numbers = best ? { skill: skill(best.score) } : {};
      return [
        {
          severity: "pass",
          message: best
            ? `no feature alone is the target; nearest: ${best.name}, ${describe(best.score, classes)}`
            : "no feature alone to look at",
          numbers,
        },
      ];
    }
    return found.map(({ name, score }): Observation => ({
      severity: "fail",
      subject: name,
      message: `${name} alone tells ${table.target!.name}: ${describe(score, classes)}, on ${score.rows} rows it was not fitted to`,
      hint: `if it is not known when a prediction is made, leave it out: --drop ${/^[\w.-]+$/.test(name) ? name : `"${name}"`}`,
      numbers: { skill: skill(score), ...(classes ? { errors: score.loss } : { r2: skill(score) }), rows: score.rows },
    }));
  },
});

const describe = (score: Score, classes: boolean): string =>
  classes
    ? `${percent(score.loss / score.rows)} errors (${percent(score.baseline / score.rows)} without it)`
    : `R² ${skill(score) > 0.999 ? skill(score).toFixed(6) : short(skill(score))}`;

/** Rows of the training part to fit on and to score. @param fold 0, 1 or 2: which third is scored */
export function innerSplit({ parts, seed }: AuditContext, fold = 0): { readonly fit: Int32Array; readonly held: Int32Array } {
  const rows = sampleRows(parts[0]!.rows, mostRows, seed, "one feature");
  const order = rng(seed, "one feature, held out").permutation(rows.length);
  const foldOf = new Uint8Array(rows.length);
  order.forEach((at, i) => (foldOf[at] = i % folds));
  return { fit: rows.filter((_, at) => foldOf[at] !== fold), held: rows.filter((_, at) => foldOf[at] === fold) };
}

/** Every scalar feature's score; undefined where there is no target of one value, or too few rows. */
export function scoreFeatures(context: AuditContext): readonly { readonly name: string; readonly score: Score }[] | undefined {
  const { table, parts } = context;
  const target = scalarTarget(table);
  if (!target || parts[0]!.rows.length < 30) return undefined;
  const splits = Array.from({ length: folds }, (_, fold) => innerSplit(context, fold));
  const features = table.columns.filter((column): column is ScalarColumn => column.kind === "numeric" || column.kind === "categorical");
  return features.map((column) => ({
    name: column.name,
    score: addScores(splits.map(({ fit, held }) => scoreFeature(column, target, fit, held))),
  }));
}

function addScores(scores: readonly Score[]): Score {
  const sum = (key: keyof Score) => scores.reduce((total, score) => total + score[key], 0);
  return { loss: sum("loss"), baseline: sum("baseline"), rows: sum("rows") };
}

export function scalarTarget({ target }: Table): ScalarColumn | undefined {
  const column = target?.column;
  return column?.kind === "numeric" || column?.kind === "categorical" ? column : undefined;
}
