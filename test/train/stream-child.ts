/** Streams a file and says what came, and the most memory that this process had: `stream-child.ts PATH DATABASE_BYTES SHUFFLE_BUFFER`. */
import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { streamBatches } from "../../src/train/stream-batches.ts";

const [path, databaseBytes, shuffleBuffer, folder] = process.argv.slice(2) as [string, string, string, string];
const stream = await streamBatches(path, {
  target: "y",
  databaseBytes: Number(databaseBytes),
  shuffleBuffer: Number(shuffleBuffer),
  folder,
});
const [own] = readdirSync(folder);
const onDisk = statSync(join(folder, own!, "rows.duckdb")).size;
const hash = createHash("sha256");
let rows = 0;
for await (const { features, targets } of stream) {
  const { buffer, byteOffset, byteLength } = features.data as Float32Array;
  hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  rows += targets.shape[0]!;
}
const peak = process.resourceUsage().maxRSS * 1024;
console.log(JSON.stringify({ rows, peak, onDisk, left: readdirSync(folder).length, digest: hash.digest("hex") }));
