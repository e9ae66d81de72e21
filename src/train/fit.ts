/** The training loop, on one screen: shuffle, step, measure, keep the best, stop in time. */
import type { Device, Executor } from "../exec/session.ts";
import { initializeParameters, type ParameterLayout } from "../nn/parameters.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import type { Schedule } from "../optim/schedule.ts";
import { GradusError } from "../util/errors.ts";
import type { Finding } from "../util/finding.ts";
import { checkRanges, ranges, type Range } from "../util/range.ts";
import type { AugmentOptions } from "./augment.ts";
import { noClock, timed, type Clock } from "./clock.ts";
import type { NonFinite, TrainingEvent, TrainingResult } from "./events.ts";
import { openLoop, type FitData } from "./loop.ts";
import type { Observe } from "./observer.ts";
import { beginProgress, curveFindings, improved, judged, resumeProgress, retried, stateOf } from "./progress.ts";
import type { Checkpointer, TrainingState } from "./state.ts";
import type { Problem } from "./step-graph.ts";
import { monitorOf, stopOf, type StopOptions } from "./stopping/index.ts";
import type { StepOptions } from "./update.ts";

export interface FitOptions extends StepOptions {
  readonly optimizer: Optimizer;
  readonly learningRate: number;
  readonly schedule: Schedule;
  readonly epochs: number;
  /** Examples of a gradient; an update is made of `accumulate` of them. */
  readonly batchSize: number;
  readonly seed: number;
  readonly executor: Executor;
  readonly threads?: number;
  /** Of steps alone; `threads` where left out. */
  readonly stepThreads?: number | undefined;
  readonly device?: Device;
  /** Changes the initial weights, after the initialisers: θ as `layout` lays it out. */
  readonly initialize?: (theta: Float32Array, layout: ParameterLayout) => void;
  /** What becomes of the examples of a step, and never of those that are measured. */
  readonly augment?: AugmentOptions;
  /** When to stop before the last epoch; never where left out. */
  readonly stop?: StopOptions;
  /** What a loss that is not finite brings about: an end, or another try from the best epoch at half the learning rate. Default stop. */
  readonly onDivergence?: OnDivergence;
  /** Watches steps, and changes nothing. */
  readonly observe?: Observe;
  /** Sees every whole step, and may take the state there. */
  readonly checkpoint?: Checkpointer;
  /** Goes on from there, with equal data and options: to the same weights as without the interruption, to the bit. */
  readonly resume?: TrainingState;
  /** Told where the time goes: `startClock()`, see `profileTraining`. */
  readonly clock?: Clock | undefined;
  /** Stops at the next step; what was reached is kept. */
  readonly signal?: AbortSignal;
}

/** What may follow a divergence. */
export const divergenceAnswers = ["stop", "halve"] as const;
export type OnDivergence = (typeof divergenceAnswers)[number];

/** After so many halvings the learning rate is a thousandth, and something else is wrong. */
const mostRetries = 10;

/** What the numbers of the loop may be. */
export const loopRanges = {
  learningRate: ranges.positive,
  epochs: ranges.count,
  batchSize: ranges.count,
  seed: ranges.seed,
} as const satisfies Record<string, Range>;

/**
 * Trains, yielding events; returns the weights of the best validation epoch (of the last, where there is no
 * validation set). A step is a pure function of (seed, step), so equal options give equal weights to the bit.
 * A last batch of one row is left out of its epoch where a layer normalises by the rows of a batch.
 * @throws GradusError where the network does not fit the data, a number is out of its range, batches of one row are normalised, or
 * the state to go on from is of another training
 */
export async function* train(problem: Problem, data: FitData, options: FitOptions): AsyncGenerator<TrainingEvent, TrainingResult> {
  checkRanges({ ...options }, loopRanges);
  const stop = options.stop && stopOf(options.stop);
  const monitor = monitorOf(options.stop ?? {});
  if (stop && !data.validation)
    throw new GradusError("early stopping watches the validation part, and there is none.", { hint: 'stop: { kind: "none" }' });
  const { epochs, onDivergence = "stop", clock = noClock } = options;
  const checkpoint = options.checkpoint && timed(clock, "checkpoints", options.checkpoint);
  const started = performance.now();
  const loop = await openLoop(problem, data, options);
  const { layout, stepper, observer, taken, stepsPerEpoch } = loop;
  try {
    if (!options.resume) {
      initializeParameters(layout, stepper.theta, options.seed);
      options.initialize?.(stepper.theta, layout);
      stepper.state["average"]?.set(stepper.theta);
    }
    const again = onDivergence === "halve";
    const now = options.resume ? resumeProgress(loop, options.resume, options) : beginProgress(loop, await loop.measure(0), again);
    const before = now.seconds;
    const learningRate = (step: number) => options.learningRate * 0.5 ** now.retries.length * loop.factor(step);
    const take = () => stateOf(loop, { ...now, seconds: before + (performance.now() - started) / 1000 }, options.seed);
    const note = function* (findings: readonly Finding[] | undefined): Generator<TrainingEvent> {
      now.findings.push(...(findings ?? []));
      for (const finding of findings ?? []) yield { type: "finding", epoch: now.epoch, step: now.step, finding };
    };
    const ended = (reason: TrainingResult["reason"], more: Pick<TrainingResult, "finding" | "stop"> = {}): TrainingResult => {
      const { best, history, step, retries } = now;
      const findings = [...now.findings, ...curveFindings(now, reason, epochs)];
      const seconds = before + (performance.now() - started) / 1000;
      return {
        reason,
        ...more,
        retries,
        findings,
        theta: best.theta,
        layout,
        bestEpoch: best.figures.epoch,
        history,
        steps: step,
        seconds,
      };
    };
    clock.enter("overhead");
    const { epoch, step } = now;
    const resumed = options.resume ? { resumed: { epoch, step } } : {};
    yield { type: "start", parameters: layout.trainable, stepsPerEpoch, figures: now.history[0]!, ...resumed };
    if (!options.resume) yield* note(await observer?.seeEpoch(now.history[0]!, stepper.measured));

    training: while (now.epoch <= epochs) {
      const order = loop.begin(now.epoch, now.at);
      let bad: NonFinite | undefined;
      while (now.at < taken && !bad) {
        if (options.signal?.aborted) {
          await checkpoint?.(take, "interrupted");
          if (now.at > 0) improved(loop, now, await loop.measure(now.epoch), { monitor, again, epochs });
          return ended("interrupted");
        }
        const { steps, size } = loop.ahead(now.at, now.step);
        const seen = observer?.wants(now.step + 1) && { before: stepper.theta.slice() };
        const chosen = order.subarray(now.at, now.at + steps * size);
        clock.step(now.step + 1, steps);
        const losses = await stepper.run(chosen, size, now.step + 1, learningRate);
        const failed = losses.findIndex((loss) => !Number.isFinite(loss));
        if (failed >= 0) {
          const examples = loop.examplesOf(now.epoch, chosen.subarray(failed * size, (failed + 1) * size));
          bad = await loop.nonFinite(now.step + failed + 1, examples);
          break;
        }
        now.step += steps;
        now.at += steps * size;
        const loss = losses[losses.length - 1]!;
        yield { type: "step", epoch: now.epoch, step: now.step, examples: (now.epoch - 1) * taken + now.at, loss };
        if (seen) {
          const [epoch, rows] = [now.epoch, chosen.slice()];
          const examples = () => loop.examplesOf(epoch, rows);
          const step = { epoch, step: now.step, loss, learningRate: learningRate(now.step), ...seen, after: stepper.theta, examples };
          yield* note(await observer!.see(step));
        }
        if (now.at < taken) await checkpoint?.(take, "step");
      }
      const measured = bad ? undefined : await loop.measure(now.epoch);
      const figure = measured && (measured.figures.validation ?? measured.figures.train).loss;
      if (!measured || !Number.isFinite(figure)) {
        bad ??= { step: now.step, tensor: "the validation loss" };
        yield* note(await observer?.seeNonFinite(bad));
        if (!now.best.again || now.retries.length === mostRetries) return ended("diverged", { finding: bad });
        yield { type: "retry", ...retried(loop, now, bad) };
        continue training;
      }
      loop.heed(measured.figures);
      improved(loop, now, measured, { monitor, again, epochs });
      yield { type: "epoch", figures: measured.figures, best: now.best.figures.epoch };
      yield* note(await observer?.seeEpoch(measured.figures, stepper.measured));
      const why = stop && judged(now, measured, stop, monitor);
      if (why !== undefined) return ended("stopped", { stop: { rule: options.stop!.kind, epoch: now.epoch, why } });
      now.epoch += 1;
      now.at = 0;
      if (now.epoch <= epochs) await checkpoint?.(take, "epoch");
    }
    return ended("finished");
  } finally {
    await loop.dispose();
  }
}

/** Runs a training to its end; `onEvent` sees every event. */
export async function fit(
  problem: Problem,
  data: FitData,
  options: FitOptions & { readonly onEvent?: (event: TrainingEvent) => void },
): Promise<TrainingResult> {
  const events = train(problem, data, options);
  for (;;) {
    const next = await events.next();
    if (next.done) return next.value;
    options.onEvent?.(next.value);
  }
}

export type { ParameterLayout };
