/**
 * From a file of flights to training-ready batches, as `batches.py` does it: one process a measurement, one line of JSON.
 * Arguments: file, batch.
 */
import { executor } from "../../src/exec/onnxruntime-node.ts";
import { readTable } from "../../src/data/read-table.ts";
import { batchesOf } from "../../src/train/batches.ts";
import { splitTable } from "../../src/train/fit-table.ts";

// What is imported when it is first needed, on their side as on ours, is no part of what is timed.
await import("@duckdb/node-api");
const [path, batch] = process.argv.slice(2) as [string, string];
const start = performance.now();
const parts = splitTable(await readTable(path, { target: "delay > 15" }), { seed: 1 });
const { plan, train } = await batchesOf(parts, { batchSize: Number(batch), executor });
let [seen, total] = [0, 0];
for (const { features, targets } of train(1)) {
  seen += targets.shape[0]!;
  total += (features.data as Float32Array)[0]! + (targets.data as Float32Array)[0]!;
}
if (!Number.isFinite(total)) throw new Error("a batch is not finite");
const seconds = (performance.now() - start) / 1000;
const peak = 1024 * process.resourceUsage().maxRSS;
console.log(JSON.stringify({ seconds, peak, rows: seen, width: plan.features.length, versions: { node: process.version } }));
