/** Training steps by the engine itself, for any executor: the same code runs in Node and in a page. */
import type { Executor } from "../../src/exec/session.ts";
import { initializeParameters, layoutParameters } from "../../src/nn/parameters.ts";
import { optimizerByName } from "../../src/optim/optimizers/index.ts";
import { createStepper } from "../../src/train/stepper.ts";
import { rng } from "../../src/util/rng.ts";
import { cloudProblem, clouds } from "../train/problems.ts";

export interface StepsTaken {
  readonly losses: number[];
  readonly theta: number[];
}

/** Losses and weights after `steps` steps of Adam. */
export async function trainingSteps(executor: Executor, steps: number, form: "scan" | "fused"): Promise<StepsTaken> {
  const problem = cloudProblem([32, 16]);
  const layout = layoutParameters(problem.network, problem.inputShape);
  const data = clouds({ rows: 640 });
  const stepper = await createStepper({ problem, layout, optimizer: optimizerByName("adam"), data, batch: 32, executor, form });
  initializeParameters(layout, stepper.theta, 1);
  const rows = rng(1, "shuffle").permutation(640);
  const losses = await stepper.run(rows.subarray(0, 32 * steps), 32, 1, () => 0.01);
  const taken = { losses: [...losses], theta: [...stepper.theta] };
  await stepper.dispose();
  return taken;
}
