import type { NumericColumn } from "../../data/table.ts";
import { fitPreprocessing } from "../../data/preprocess.ts";
import { prepareDatasets } from "../../train/prepare.ts";
import { counted, short } from "../../util/format.ts";
import { momentsOf } from "../image-properties.ts";
import { pickNumbers, sampleRows } from "../compared.ts";
import { defineAuditRule } from "../rule.ts";
import { listed } from "../words.ts";

const mostRows = 5000;

/** Columns of numbers after the transforms. */
export const scale = defineAuditRule({
  name: "scale",
  title: "scale",
  what:
    "After the transforms, fitted on the training part, every column of numbers should have a mean near 0 and a deviation near 1, or lie between −1 and 1. " +
    "Scales of the raw columns that are far apart are noted: whoever trains on them untransformed trains badly.",
  source: "SageMaker Debugger (mean), TheDeepChecker and UMLAUT (range); ratio derived",
  when: "audit",
  stops: false,
  limits: {
    mean: { value: 0.2, means: "size of a mean above which it warns" },
    least: { value: 0.5, means: "deviation below which it warns" },
    most: { value: 2, means: "deviation above which it warns" },
    ratio: { value: 10, means: "largest over smallest raw deviation above which it is noted" },
  },
  async check({ table, parts, seed, executor, runtime }, limits) {
    const numeric = table.columns.filter((column): column is NumericColumn => column.kind === "numeric");
    if (numeric.length === 0 || !table.target) return [];
    const rows = sampleRows(parts[0]!.rows, mostRows, seed, "scale");
    const { plan } = fitPreprocessing({ ...table, columns: numeric }, parts[0]!.rows);
    const [{ features }] = (await prepareDatasets({ ...table, columns: numeric }, [rows], plan, executor, runtime)) as [
      Awaited<ReturnType<typeof prepareDatasets>>[number],
    ];
    const values = features.data as Float32Array;
    const width = plan.features.length;
    const wrong = numeric.flatMap(({ name }) => {
      const at = plan.features.indexOf(name);
      if (at < 0) return [];
      const own = Float64Array.from(rows, (_, row) => values[row * width + at]!);
      const { mean, variance } = momentsOf(own);
      const deviation = Math.sqrt(variance);
      const ranged = own.every((value) => Math.abs(value) <= 1);
      const right = Math.abs(mean) <= limits.mean && deviation >= limits.least && deviation <= limits.most;
      return right || ranged ? [] : [`${name} (mean ${short(mean)}, deviation ${short(deviation)})`];
    });
    const raw = numeric
      .map(({ name, ...column }) => ({
        name,
        deviation: Math.sqrt(momentsOf(pickNumbers({ name, ...column }, rows).filter((v) => !Number.isNaN(v))).variance),
      }))
      .filter(({ deviation }) => deviation > 0)
      .toSorted((a, b) => b.deviation - a.deviation);
    const [largest, smallest] = [raw[0], raw.at(-1)];
    const ratio = largest && smallest ? largest.deviation / smallest.deviation : 1;
    const numbers = { columns: wrong.length, ratio };
    if (wrong.length > 0)
      return [
        {
          severity: "warn",
          message: `${counted(wrong.length, "column")} ${wrong.length === 1 ? "is" : "are"} of another scale after the transforms: ${listed(wrong)}`,
          hint: "a few values far out, or a transform that does not suit: look at the column, or take its logarithm",
          numbers,
        },
      ];
    const compared = largest && smallest ? `${largest.name} spreads ${short(ratio)} times as wide as ${smallest.name}` : "";
    if (ratio > limits.ratio) return [{ severity: "note", message: `${compared}; the transforms bring them to one scale`, numbers }];
    return [{ severity: "pass", message: "columns of numbers are of one scale", numbers }];
  },
});
