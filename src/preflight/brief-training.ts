/** Short trainings for the rules that need one: the whole batch at each step, Adam, nothing that regularises. */
import { rowsOf, type Dataset } from "../train/dataset.ts";
import { createEvaluator } from "../train/evaluate.ts";
import { createStepper } from "../train/stepper.ts";
import { layoutOf, type Problem } from "../train/step-graph.ts";
import { optimizerByName } from "../optim/optimizers/index.ts";
import { sequential, type Network } from "../nn/network.ts";
import type { Layer } from "../nn/layer.ts";
import { rng } from "../util/rng.ts";
import type { PreflightContext } from "./rule.ts";

const learningRate = 0.003;

/** The problem without dropout and noise. */
export function unregularised(problem: Problem): Problem {
  const keepAll = (layers: readonly Layer[]): Layer[] =>
    layers.map((layer) => {
      const inner = (layer as { readonly layers?: readonly Layer[] }).layers;
      if (layer.kind === "dropout") return { ...layer, keepProbability: 1 } as Layer;
      if (layer.kind === "noise") return { ...layer, deviation: 0 } as Layer;
      return inner ? ({ ...layer, layers: keepAll(inner) } as Layer) : layer;
    });
  return { ...problem, network: sequential(keepAll(problem.network.layers) as unknown as Network["layers"]) };
}

export interface BriefTraining {
  readonly steps: number;
  /** In evaluation mode on the rows it was trained on. */
  readonly loss: Float32Array;
  readonly prediction: Float32Array;
}

export interface BriefOptions {
  readonly steps: number;
  /** Rows a step, drawn at random; all of them, in order, where left out. */
  readonly batch?: number;
  /** Looked at now and then; true ends the training. */
  readonly until?: (now: Omit<BriefTraining, "steps">) => boolean;
}

/** Steps between two looks. */
const every = 32;

/** Trains from the context's initial weights on the rows given. */
export async function trainBriefly(
  context: PreflightContext,
  data: Dataset,
  { steps, batch, until }: BriefOptions,
): Promise<BriefTraining> {
  const { executor, runtime, seed, theta } = context;
  const problem = unregularised(context.problem);
  const layout = layoutOf(problem);
  const rows = rowsOf(data);
  const size = Math.min(batch ?? rows, rows);
  const draw = rng(seed, "preflight steps");
  const { threads, device } = runtime;
  const given = { ...(threads ? { threads } : {}), ...(device ? { device } : {}) };
  const stepper = await createStepper({ problem, layout, optimizer: optimizerByName("adam"), data, batch: size, executor, seed, ...given });
  try {
    const evaluator = await createEvaluator(problem, layout, executor, given);
    try {
      stepper.theta.set(theta);
      let [done, broken] = [0, false];
      for (;;) {
        if (until || broken || done >= steps) {
          const now = await evaluator.evaluate(stepper.theta, data);
          if (done >= steps || broken || until?.(now)) return { steps: done, loss: now.loss.slice(), prediction: now.prediction.slice() };
        }
        const target = Math.min(steps, done + every);
        while (done < target) {
          const count = Math.min(stepper.stepsPerCall, target - done);
          const chosen = Int32Array.from({ length: count * size }, (_, i) => (batch === undefined ? i % rows : draw.integer(rows)));
          const losses = await stepper.run(chosen, size, done + 1, () => learningRate);
          done += count;
          broken = !losses.every(Number.isFinite);
          if (broken) break;
        }
      }
    } finally {
      await evaluator.dispose();
    }
  } finally {
    await stepper.dispose();
  }
}
