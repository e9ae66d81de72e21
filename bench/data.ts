/** From a file to training-ready batches against pandas and scikit-learn: whole processes in turn, their time and their peak memory. */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";
import type { Interval } from "../src/util/statistics.ts";
import { machine, type Machine } from "./machine.ts";
import { bundle } from "./peers.ts";
import { findPython } from "./python.ts";
import { median, medianInterval } from "./statistics.ts";

export interface DataSide {
  /** Median. */
  readonly seconds: number;
  /** Bytes, median: the most that the process had resident. */
  readonly peak: number;
  readonly configuration: string;
}

export interface DataRow {
  readonly name: string;
  /** Training rows, each once in a batch. */
  readonly rows: number;
  readonly gradus: DataSide;
  readonly pandas?: DataSide;
  /** Gradus over pandas, pair by pair. */
  readonly ratio?: Interval;
  /** Likewise, of the peaks. */
  readonly memory?: Interval;
}

export interface DataResult {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly DataRow[];
}

interface Reply {
  readonly seconds: number;
  readonly peak: number;
  readonly rows: number;
  readonly width: number;
  readonly versions: Readonly<Record<string, string>>;
}

const cases = [
  { name: "CSV, 3 000 000 rows", rows: 3_000_000, form: "csv", pairs: 6 },
  { name: "CSV, 250 000 rows", rows: 250_000, form: "csv", pairs: 10 },
  { name: "Parquet, 3 000 000 rows", rows: 3_000_000, form: "parquet", pairs: 6 },
] as const;
const batch = 512;
/** How pandas holds the airports, and how much is transformed at once: the fastest in a trial is compared. */
const forms = ["chunks-text", "chunks-category", "whole-text", "whole-category"] as const;

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export async function measureData(options: {
  readonly data: string;
  readonly chosen: (name: string) => boolean;
  readonly pairs?: number;
  readonly say: (line: string) => void;
}): Promise<DataResult> {
  const { data, chosen, say } = options;
  const folder = await mkdtemp(join(tmpdir(), "gradus-bench-"));
  const versions: Record<string, string> = {};
  const rows: DataRow[] = [];
  try {
    const ours = await bundle("gradus-batches");
    const python = await findPython("pandas, sklearn");
    const parquet = join(data, "flights", "flights-3m.parquet");
    for (const one of cases.filter(({ name }) => chosen(name))) {
      const path = one.form === "csv" ? await writeCsv(parquet, one.rows, join(folder, `${one.rows}.csv`)) : parquet;
      const gradus = () => measured(process.execPath, [ours, path, String(batch)]);
      const pandas = (form: string) => () => measured(python, ["-W", "ignore", here("peers/batches.py"), path, String(batch), form]);
      const first = await gradus();
      // pandas reads Parquet only with a package that Debian does not have.
      const best = one.form === "csv" ? await fastest(pandas) : undefined;
      Object.assign(versions, first.versions, best?.trial.versions);
      if (best && best.trial.rows !== first.rows) throw new Error(`${one.name}: ${best.trial.rows} rows, ours are ${first.rows}`);
      const [mine, theirs]: [Reply[], Reply[]] = [[], []];
      for (let pair = 0; pair < (options.pairs ?? one.pairs); pair++) {
        const turns = [async () => mine.push(await gradus()), async () => best && theirs.push(await pandas(best.form)())];
        for (const turn of pair % 2 === 0 ? turns : turns.toReversed()) await turn();
      }
      const row = {
        name: one.name,
        rows: first.rows,
        gradus: sideOf(mine, "the package, bundled"),
        ...(best
          ? { pandas: sideOf(theirs, best.form), ratio: ratioOf(mine, theirs, "seconds"), memory: ratioOf(mine, theirs, "peak") }
          : {}),
      };
      rows.push(row);
      say(describe(row));
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { machine: machine(), versions, rows };
}

function describe({ name, gradus, pandas, ratio, memory }: DataRow): string {
  const side = ({ seconds, peak }: DataSide) => `${seconds.toFixed(2)} s, ${(peak / 1e6).toFixed(0)} MB`;
  const against = pandas && ratio && memory;
  return `${name}: ${side(gradus)}${against ? `; pandas ${side(pandas)} (${pandas.configuration}), time ${ratio.value.toFixed(3)} [${ratio.low.toFixed(3)}, ${ratio.high.toFixed(3)}], memory ${memory.value.toFixed(3)}` : ""}`;
}

const sideOf = (replies: readonly Reply[], configuration: string): DataSide => ({
  seconds: median(replies.map(({ seconds }) => seconds)),
  peak: median(replies.map(({ peak }) => peak)),
  configuration,
});

const ratioOf = (mine: readonly Reply[], theirs: readonly Reply[], of: "seconds" | "peak"): Interval =>
  medianInterval(mine.map((reply, i) => reply[of] / theirs[i]![of]));

async function fastest(pandas: (form: string) => () => Promise<Reply>) {
  const trials: { form: string; trial: Reply }[] = [];
  for (const form of forms) trials.push({ form, trial: await pandas(form)() });
  return trials.toSorted((a, b) => a.trial.seconds - b.trial.seconds)[0]!;
}

async function measured(program: string, args: readonly string[]): Promise<Reply> {
  const env = { ...process.env };
  // A loader of TypeScript that this process runs with is no part of what is measured.
  delete env["NODE_OPTIONS"];
  const { stdout } = await promisify(execFile)(program, args, { env, timeout: 600_000 });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as Reply;
}

/** The first rows of the Parquet file as CSV, written once. */
async function writeCsv(parquet: string, rows: number, path: string): Promise<string> {
  const quoted = (text: string) => `'${text.replaceAll("'", "''")}'`;
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT * FROM ${quoted(parquet)} LIMIT ${rows}) TO ${quoted(path)} (HEADER)`);
  connection.closeSync();
  instance.closeSync();
  return path;
}
