/** How far a training has come: what is kept of its epochs, what its curves say, and all of it as a state and back. */
import type { Finding } from "../util/finding.ts";
import type { EpochFigures, NonFinite, Retry, TrainingResult } from "./events.ts";
import type { Loop } from "./loop.ts";
import { checkState, type BestEpoch, type Parts, type TrainingState } from "./state.ts";
import { pairedImprovement, type Monitored, type StopState } from "./stopping.ts";
import type { Stop } from "./stopping/index.ts";

/** As {@link TrainingState}; the loop moves it on. */
export interface Progress {
  epoch: number;
  at: number;
  step: number;
  best: BestEpoch;
  history: EpochFigures[];
  stopping: StopState;
  late: Float32Array | undefined;
  retries: Retry[];
  findings: Finding[];
  readonly seconds: number;
  /** The monitored figures of the validation examples, as they were measured last. */
  last: Float32Array | undefined;
}

export interface Measured {
  readonly figures: EpochFigures;
  readonly examples?: Float32Array;
}

interface Keep {
  readonly monitor: Monitored;
  /** Keep what it takes to train on from the best epoch. */
  readonly again: boolean;
  readonly epochs: number;
}

/** Before the first step. */
export function beginProgress(loop: Loop, measured: Measured, again: boolean): Progress {
  const stopping = { epoch: 0, ...(measured.examples ? { examples: measured.examples } : {}) };
  const now = { epoch: 1, at: 0, step: 0, stopping };
  const best = bestOf(loop, now, measured, again);
  return { ...now, best, history: [measured.figures], retries: [], findings: [], seconds: 0, late: undefined, last: measured.examples };
}

/** @throws GradusError where the state is of another training */
export function resumeProgress(
  loop: Loop,
  state: TrainingState,
  { seed, epochs }: { readonly seed: number; readonly epochs: number },
): Progress {
  checkState(state, { seed, vectors: loop.stepper.state, epochs, taken: loop.taken });
  moveTo(loop, state);
  const { epoch, at, step, best, stopping, late, seconds } = state;
  const [history, retries, findings] = [[...state.history], [...state.retries], [...state.findings]];
  return { epoch, at, step, best, history, stopping, late, retries, findings, seconds, last: undefined };
}

/** A copy: what the loop changes later is not in it. */
export function stateOf(loop: Loop, now: Progress, seed: number): TrainingState {
  const { epoch, at, step, best, stopping, late, seconds } = now;
  const [history, retries, findings] = [[...now.history], [...now.retries], [...now.findings]];
  const optional = late ? { late } : {};
  return { format: 1, seed, epoch, at, step, ...copied(loop), best, history, stopping, ...optional, retries, findings, seconds };
}

/** Notes an epoch's figures; where they are the lowest, its weights become those that are kept. */
export function improved(loop: Loop, now: Progress, measured: Measured, { monitor, again, epochs }: Keep): void {
  const { figures, examples } = measured;
  now.history.push(figures);
  now.last = examples;
  if (figures.epoch === Math.ceil(epochs * (1 - lateShare))) now.late = examples;
  if (isLower(figures, now.best.figures, monitor)) now.best = bestOf(loop, now, measured, again);
}

/** Equal figures of a later epoch are as good; of equal errors the lower loss wins. */
function isLower({ validation: now }: EpochFigures, { validation: best }: EpochFigures, monitor: Monitored): boolean {
  if (!now || !best) return true;
  return now[monitor] < best[monitor] || (now[monitor] === best[monitor] && now.loss <= best.loss);
}

/** Why to stop after an epoch, where that is so. */
export function judged(now: Progress, { examples }: Measured, stop: Stop, monitor: Monitored): string | undefined {
  const curve = (part: "train" | "validation") => now.history.map((figures) => figures[part]![monitor]);
  const view = { validation: curve("validation"), training: curve("train"), examples: examples! };
  const { state, stop: why } = stop.rule.see(now.stopping, view, stop.settings, stop.unit);
  now.stopping = state;
  return now.epoch >= stop.startEpoch ? why : undefined;
}

/** Goes back to the best epoch, which has kept what that takes. */
export function retried(loop: Loop, now: Progress, finding: NonFinite): Retry {
  const { again, figures } = now.best;
  moveTo(loop, again!);
  const retry = { finding, epoch: figures.epoch, factor: 0.5 ** (now.retries.length + 1) };
  now.retries.push(retry);
  now.epoch = figures.epoch + 1;
  now.at = 0;
  now.step = again!.step;
  now.stopping = again!.stopping;
  now.history = now.history.filter(({ epoch }) => epoch <= figures.epoch);
  return retry;
}

type Copied = Pick<TrainingState, "vectors" | "parts">;

function copied({ stepper, stateful }: Loop): Copied {
  const vectors = Object.fromEntries(Object.entries(stepper.state).map(([name, vector]) => [name, vector.slice()]));
  const parts: Parts = Object.fromEntries(Object.entries(stateful).map(([name, one]) => [name, one.snapshot()]));
  return { vectors, parts };
}

function moveTo({ stepper, stateful }: Loop, { vectors, parts }: Copied): void {
  for (const [name, vector] of Object.entries(stepper.state)) vector.set(vectors[name]!);
  for (const [name, one] of Object.entries(stateful)) if (parts[name] !== undefined) one.restore(parts[name]);
}

function bestOf(
  loop: Loop,
  { step, stopping }: Pick<Progress, "step" | "stopping">,
  { figures, examples }: Measured,
  again: boolean,
): BestEpoch {
  return {
    figures,
    theta: loop.stepper.measured.slice(),
    ...(examples ? { examples } : {}),
    ...(again ? { again: { step, stopping, ...copied(loop) } } : {}),
  };
}

/** The best epoch lies in so small a first share of those trained, or the curve still falls in so large a last one. */
const [earlyShare, lateShare] = [0.1, 0.25];
/** Fewer epochs have no first tenth. */
const leastEpochs = 10;
/** Standard errors that a difference must exceed. */
const clear = 2;
const source = "Deep Learning Tuning Playbook: Determining the number of steps; Prechelt 1998";

/** What the curves of a training say that has come to its end: where its best epoch lies, and whether validation rose after it. */
export function curveFindings({ best, history, late, last }: Progress, reason: TrainingResult["reason"], epochs: number): Finding[] {
  if ((reason !== "finished" && reason !== "stopped") || !best.examples) return [];
  const run = history.length - 1;
  const { epoch } = best.figures;
  const findings: Finding[] = [];
  if (run >= leastEpochs && epoch <= earlyShare * run)
    findings.push({
      rule: "best-epoch-early",
      severity: "note",
      message: `the best epoch is ${epoch} of ${run}: what came after it was of no use`,
      hint: "a lower learning rate, or fewer epochs",
      numbers: { best: epoch, epochs: run },
      threshold: { share: earlyShare },
      source,
    });
  const gain = late && reason === "finished" && run >= leastEpochs && pairedImprovement(late, best.examples);
  if (gain && gain.mean > clear * gain.error)
    findings.push({
      rule: "still-improving",
      severity: "note",
      message: `the validation figure still fell in the last quarter of the ${run} epochs, by ${gain.mean.toPrecision(3)} ± ${gain.error.toPrecision(2)}`,
      hint: `train longer: --epochs ${2 * epochs}`,
      numbers: { gain: gain.mean, error: gain.error, best: epoch, epochs: run },
      threshold: { share: lateShare, errors: clear },
      source,
    });
  const rise = last && epoch < run && pairedImprovement(last, best.examples);
  if (rise && rise.mean > clear * rise.error)
    findings.push({
      rule: "overfitting",
      severity: "note",
      message: `after epoch ${epoch} the validation figure rose by ${rise.mean.toPrecision(3)} ± ${rise.error.toPrecision(2)} until epoch ${run}: the network learnt the training rows by heart`,
      hint: "regularise more, or find more data; the weights of the best epoch are kept in any case",
      numbers: { rise: rise.mean, error: rise.error, best: epoch, epochs: run },
      threshold: { errors: clear },
      source,
    });
  return findings;
}
