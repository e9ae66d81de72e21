/** The whole thing as a library: read, split, train, measure, predict. In a clone: npx tsx examples/train.ts */
import { fit, measureRows, mlp, modelOf, readTable, split } from "gradus";

const table = await readTable("examples/penguins.csv", { target: "species" });
const parts = split(table, { seed: 1 });
const run = await fit(mlp({ layers: [32, 16] }), parts, { epochs: 40 });

const { value, low, high, n } = run.metrics.validation["error"]!;
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
console.log(`validation error ${percent(value)} (95 % interval ${percent(low)} to ${percent(high)}, n = ${n})`);
console.log(`${run.baseline.name}: ${percent(run.baseline.metrics["error"]!.value)}`);

// The test set, once, when every choice is made.
const test = await measureRows(modelOf(run), table, parts.test);
console.log(`test error ${percent(test["error"]!.value)}`);
