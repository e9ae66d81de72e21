import type { ScalarColumn, Table } from "../../data/table.ts";
import { rng } from "../../util/rng.ts";
import { grouped, short } from "../../util/format.ts";
import { wilsonInterval } from "../../util/statistics.ts";
import { rowsOfAll, sampleRows } from "../compared.ts";
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
    "Every feature alone is fitted to two thirds of the training rows (64 bins, cut where classes meet, for amounts with a line each; or its categories) and scored on the rest, each third in turn. One that leaves next to nothing " +
    "of the errors of the commonest class, even at the upper end of the 95 % interval, or of the squares about the mean, is the target in another form, or was written down after it; " +
    "so is one whose values go one to one with the classes in all rows. One that makes no error on rows too few for that bound warns.",
  source: "skore SKD011, its extreme; limits derived",
  when: "train",
  stops: true,
  limits: {
    left: { value: 0.02, means: "share of the commonest class's errors that may be left, at the interval's upper end" },
    r2: { value: 0.999, means: "R² of an amount by one feature from which on it fails" },
    rows: { value: 50, means: "rows from which on a feature whose values go one to one with the classes fails" },
    class: { value: 5, means: "rows of every class that this takes, and errors of the commonest class that no error is held against" },
  },
  check(context, limits) {
    const { table, parts } = context;
    const scores = scoreFeatures(context);
    if (!scores) return [];
    const classes = table.target!.task === "classification";
    const rows = rowsOfAll(parts);
    const judged = scores.map(({ name, score, column }) => {
      const renamed = classes && rows.length >= limits.rows && isRenamed(column, scalarTarget(table)!, rows, limits.class);
      const bounded = classes ? leavesLess(score, limits.left) : skill(score) >= limits.r2;
      const severity = renamed || bounded ? "fail" : classes && score.loss === 0 && score.baseline >= limits.class ? "warn" : "pass";
      return { name, score, renamed, severity } as const;
    });
    const found = judged.filter(({ severity }) => severity !== "pass");
    if (found.length === 0) {
      const [best] = scores.toSorted((a, b) => skill(b.score) - skill(a.score));
      if (!best) return [{ severity: "pass", message: "no feature alone to look at", numbers: {} }];
      const numbers = { skill: skill(best.score) };
      const nearest = `nearest: ${best.name}, ${describe(best.score, classes)}`;
      if (classes && best.score.loss === 0)
        return [
          { severity: "note", message: `too few rows of other classes to tell whether a feature alone is the target; ${nearest}`, numbers },
        ];
      return [{ severity: "pass", message: `no feature alone is the target; ${nearest}`, numbers }];
    }
    return found.map(({ name, score, renamed, severity }): Observation => {
      const oneToOne = renamed ? `; in all ${grouped(rows.length)} rows each of its values is one class and each class one value` : "";
      return {
        severity,
        subject: name,
        message: `${name} alone tells ${table.target!.name}: ${describe(score, classes)}, on ${score.rows} rows it was not fitted to${oneToOne}`,
        hint: `if it is not known when a prediction is made, leave it out: --drop ${/^[\w.-]+$/.test(name) ? name : `"${name}"`}`,
        numbers: { skill: skill(score), ...(classes ? { errors: score.loss } : { r2: skill(score) }), rows: score.rows },
      };
    });
  },
});

const leavesLess = ({ loss, baseline, rows }: Score, share: number): boolean =>
  baseline > 0 && wilsonInterval(loss, rows).high < (share * baseline) / rows;

/** Whether a feature's values, a missing one among them, and the classes go one to one, each class in so many rows at least. */
function isRenamed(feature: ScalarColumn, target: ScalarColumn, rows: Int32Array, least: number): boolean {
  if (target.kind !== "categorical") return false;
  const values = feature.kind === "categorical" ? feature.codes : feature.values;
  const classOf = new Map<number, number>();
  const counts = new Map<number, number>();
  for (const row of rows) {
    const [value, code] = [values[row]!, target.codes[row]!];
    if ((classOf.get(value) ?? code) !== code) return false;
    classOf.set(value, code);
    if (classOf.size > target.categories.length) return false;
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return counts.size > 1 && classOf.size === counts.size && Math.min(...counts.values()) >= least;
}

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
export function scoreFeatures(
  context: AuditContext,
): readonly { readonly name: string; readonly column: ScalarColumn; readonly score: Score }[] | undefined {
  const { table, parts } = context;
  const target = scalarTarget(table);
  if (!target || parts[0]!.rows.length < 30) return undefined;
  const splits = Array.from({ length: folds }, (_, fold) => innerSplit(context, fold));
  const features = table.columns.filter((column): column is ScalarColumn => column.kind === "numeric" || column.kind === "categorical");
  return features.map((column) => ({
    name: column.name,
    column,
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
