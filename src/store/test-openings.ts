/** test-openings.jsonl: every time the test set of a run was looked at. */
import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Interval } from "../util/statistics.ts";

const fileName = "test-openings.jsonl";

export interface TestOpening {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly metrics: Readonly<Record<string, Interval>>;
}

/** Records an opening; @returns all of them, this one last. */
export async function recordOpening(run: string, opening: TestOpening): Promise<TestOpening[]> {
  await appendFile(join(run, fileName), `${JSON.stringify(opening)}\n`);
  return readOpenings(run);
}

/** Every opening, the first first. */
export async function readOpenings(run: string): Promise<TestOpening[]> {
  const text = await readFile(join(run, fileName), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as TestOpening);
}
