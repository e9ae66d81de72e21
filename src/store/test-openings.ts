/** test-openings.jsonl: every time the test set of a run was looked at. */
import { appendFile, open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { GradusError } from "../util/errors.ts";
import type { Interval } from "../util/statistics.ts";
import { openingLineSchema } from "./run-schema.ts";

const fileName = "test-openings.jsonl";

export interface TestOpening {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly metrics: Readonly<Record<string, Interval>>;
  /** Of a file that has changed since the training: its path, SHA-256, and rows that are new, none of which was measured. */
  readonly grown?: { readonly data: string; readonly fingerprint: string; readonly newRows: number };
}

export interface TestOpenings {
  /** Those that can be read, the first first. */
  readonly openings: readonly TestOpening[];
  /** How often the test set was opened: a line that was cut short counts too. */
  readonly count: number;
  /** What cannot be read, in a sentence. */
  readonly note?: string;
}

/** To be called before the test set is opened. @throws GradusError where an opening could not be recorded */
export async function checkRecordable(run: string): Promise<void> {
  const path = join(run, fileName);
  try {
    await (await open(path, "a")).close();
  } catch (cause) {
    throw new GradusError(
      `${path} cannot be written (${(cause as NodeJS.ErrnoException).code}), and every opening of the test set is recorded there; it was not opened.`,
      { hint: "make the run folder writable, or copy it to where it is.", cause },
    );
  }
}

/** Records an opening; @returns all of them, this one last. */
export async function recordOpening(run: string, opening: TestOpening): Promise<TestOpenings> {
  const path = join(run, fileName);
  const before = await readText(path);
  const torn = before !== "" && !before.endsWith("\n");
  await appendFile(path, `${torn ? "\n" : ""}${JSON.stringify(opening)}\n`);
  return readOpenings(run);
}

export async function readOpenings(run: string): Promise<TestOpenings> {
  const path = join(run, fileName);
  const openings: TestOpening[] = [];
  const broken: number[] = [];
  let count = 0;
  for (const [i, line] of (await readText(path)).split("\n").entries()) {
    if (line.trim() === "") continue;
    count += 1;
    const opening = parseLine(line);
    if (opening) openings.push(opening);
    else broken.push(i + 1);
  }
  if (broken.length === 0) return { openings, count };
  const which = `line${broken.length === 1 ? "" : "s"} ${broken.join(", ")}`;
  return { openings, count, note: `${path}, ${which}: cut short or not an opening; kept, and counted as one` };
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return "";
    throw new GradusError(`${path} cannot be read (${code}).`, { hint: "check its permissions.", cause });
  }
}

function parseLine(line: string): TestOpening | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return openingLineSchema.safeParse(value).success ? (value as TestOpening) : undefined;
  } catch {
    return undefined;
  }
}
