/**
 * Kills trainings at random moments (SIGKILL), lets each go on, and compares the weights with those of an uninterrupted training:
 * `npx tsx --conditions=gradus-source bench/kill.ts 50 [seed]`. With everything on: convolutions, batch normalisation, dropout, augmentation,
 * Adam with decay, a schedule that heeds the figures, a running average, a penalty, early stopping, monitors.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { loadCheckpoint } from "../src/store/checkpoints.ts";
import { loadRunExperiment, loadRunSplit } from "../src/store/load-run.ts";
import { readStatus } from "../src/store/run-status.ts";
import { rng } from "../src/util/rng.ts";

const root = resolve(import.meta.dirname, "..");
const digits = readFileSync(join(root, "examples/digits8x8.csv"), "utf8").split("\n");

const experiment = {
  data: { path: "digits.csv", target: "digit" },
  model: { kind: "resnet", shape: [1, 8, 8], layers: [6, 8], keepProbability: 0.9 },
  regularizer: { l2: 0.1 },
  optimizer: { kind: "adamw", learningRate: 0.004, schedule: { kind: "reduceOnPlateau", patience: 1, factor: 0.5 } },
  average: { kind: "ema", decay: 0.98 },
  augment: [
    { kind: "rotate", degrees: 8 },
    { kind: "crop", padding: 1 },
  ],
  stop: { kind: "patience", epochs: 4 },
  batchSize: 32,
  epochs: 16,
};

export interface KillTrial {
  /** Milliseconds after its start, or the start of the training, that it was killed, and which command that was. */
  readonly kills: readonly { readonly at: number; readonly command: "train" | "resume" }[];
  /** Steps done when it went on for the last time; nothing where it began anew. */
  readonly from?: number;
  readonly equal: boolean;
  /** What is wrong with a folder that a kill left behind. */
  readonly corrupt?: string;
}

interface Ended {
  readonly killed: boolean;
  readonly status: number | null;
  readonly text: string;
  readonly milliseconds: number;
}

/** When to kill: so many milliseconds after a file is there, or after the start. */
interface Kill {
  readonly at: number;
  readonly after?: string;
}

/** A command line in a process of its own. */
function gradus(cwd: string, args: readonly string[], kill?: Kill): Promise<Ended> {
  const started = performance.now();
  const tsx = join(root, "node_modules/tsx/dist/esm/index.mjs");
  const child = spawn(process.execPath, ["--conditions=gradus-source", "--import", tsx, join(root, "src/cli/main.ts"), ...args], { cwd });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => (text += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (text += chunk.toString()));
  let timer: NodeJS.Timeout | undefined;
  const wait = (): void => {
    if (kill!.after === undefined || existsSync(kill!.after)) timer = setTimeout(() => child.kill("SIGKILL"), kill!.at);
    else timer = setTimeout(wait, 20);
  };
  if (kill) wait();
  return new Promise((finish) =>
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      finish({ killed: signal === "SIGKILL", status, text, milliseconds: performance.now() - started });
    }),
  );
}

/** What a training leaves: its weights, the figures of its epochs, and why it ended. */
function outcome(run: string): string {
  const { reason, stop, epochs, steps } = JSON.parse(readFileSync(join(run, "result.json"), "utf8")) as Record<string, unknown>;
  const weights = readFileSync(join(run, "model.safetensors")).toString("base64");
  return JSON.stringify([weights, readFileSync(join(run, "metrics.jsonl"), "utf8"), reason, stop, epochs, steps]);
}

/** A run folder after a kill: not there, or whole. */
async function faultOf(run: string): Promise<string | undefined> {
  if (!existsSync(run)) return undefined;
  try {
    await Promise.all([readStatus(run), loadRunExperiment(run), loadRunSplit(run)]);
    const { skipped } = await loadCheckpoint(run);
    if (skipped.length > 0) return `${skipped[0]!.file}: ${skipped[0]!.why}`;
    const partial = readdirSync(run).filter((name) => name.endsWith(".json") && !name.startsWith("."));
    for (const name of partial) JSON.parse(readFileSync(join(run, name), "utf8"));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Trains until there were so many kills.
 * @returns the uninterrupted training's milliseconds, and what became of each training that was begun
 */
export async function killTrials(
  kills: number,
  {
    seed = 1,
    rows = 300,
    epochs = experiment.epochs,
    onTrial = () => {},
  }: { readonly seed?: number; readonly rows?: number; readonly epochs?: number; readonly onTrial?: (trial: KillTrial) => void } = {},
): Promise<{ readonly milliseconds: number; readonly trials: readonly KillTrial[] }> {
  const folder = mkdtempSync(join(tmpdir(), "gradus-kill-"));
  try {
    writeFileSync(join(folder, "digits.csv"), `${digits.slice(0, rows + 1).join("\n")}\n`);
    writeFileSync(join(folder, "experiment.yaml"), JSON.stringify({ ...experiment, epochs }));
    const flags = ["--checkpoint-every", "0"];
    const train = (run: string) => ["train", "--experiment", "experiment.yaml", "--out", run, "--no-audit", "--no-preflight", ...flags];
    const whole = await gradus(folder, train("whole"));
    if (whole.status !== 0) throw new Error(whole.text);
    const { fitSeconds } = JSON.parse(readFileSync(join(folder, "whole/result.json"), "utf8")) as { readonly fitSeconds: number };
    const expected = outcome(join(folder, "whole"));
    const draws = rng(seed, "kills");
    const done: KillTrial[] = [];
    for (let i = 0; done.reduce((sum, trial) => sum + trial.kills.length, 0) < kills; i++) {
      const name = `run-${i}`;
      const run = join(folder, name);
      const killed: KillTrial["kills"][number][] = [];
      let [corrupt, from, last]: [string | undefined, number | undefined, Ended | undefined] = [undefined, undefined, undefined];
      // Killed once, every other time twice; then left to go on to its end.
      for (let left = 1 + (i % 2); ; left--) {
        const command = existsSync(run) ? "resume" : "train";
        // One in five at any moment from the start of the process, the others while it trains or saves.
        const anywhere = draws.uniform() < 0.2;
        const at = draws.uniform() * (anywhere ? whole.milliseconds : 1.2 * 1000 * fitSeconds);
        const kill: Kill = { at, ...(anywhere || command === "resume" ? {} : { after: join(run, "lock.json") }) };
        if (command === "resume") from = (await loadCheckpoint(run)).state?.step;
        last = await gradus(folder, command === "resume" ? ["resume", name, ...flags] : train(name), left > 0 ? kill : undefined);
        if (!last.killed) break;
        killed.push({ at: Math.round(at), command });
        corrupt ??= await faultOf(run);
      }
      const equal = last.status === 0 && outcome(run) === expected;
      const trial = {
        kills: killed,
        ...(from === undefined ? {} : { from }),
        equal,
        ...(corrupt === undefined && equal ? {} : { corrupt: corrupt ?? last.text.slice(-500) }),
      };
      done.push(trial);
      onTrial(trial);
      rmSync(run, { recursive: true, force: true });
    }
    return { milliseconds: whole.milliseconds, trials: done };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In words. */
export function summaryOf(trials: readonly KillTrial[]): string {
  const kills = trials.flatMap((trial) => trial.kills);
  const count = (wanted: (trial: KillTrial) => boolean) => trials.filter(wanted).length;
  return [
    `${trials.length} trainings, ${kills.length} kills (${kills.filter(({ command }) => command === "resume").length} of them of one that was going on)`,
    `${count(({ from }) => from !== undefined)} went on from a checkpoint`,
    `${count(({ equal }) => equal)} ended with equal weights, figures and reason`,
    `${count(({ corrupt }) => corrupt !== undefined)} folders at fault`,
  ].join("; ");
}

if (process.argv[1] === import.meta.filename) {
  const { milliseconds, trials } = await killTrials(Number(process.argv[2] ?? 50), {
    seed: Number(process.argv[3] ?? 1),
    onTrial: (trial) => console.log(JSON.stringify(trial)),
  });
  console.log(`uninterrupted: ${(milliseconds / 1000).toFixed(1)} s`);
  console.log(summaryOf(trials));
  process.exitCode = trials.every(({ equal, corrupt }) => equal && corrupt === undefined) ? 0 : 1;
}
