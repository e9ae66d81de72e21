/** The generator of operators that draw at random. */
import { GradusError } from "../util/errors.ts";
import { rng, type Rng } from "../util/rng.ts";

/**
 * The numbers of an operator's seed (any float, as ONNX has it), the same in every run.
 * @throws GradusError without a seed: what the interpreter computes is a function of its inputs
 */
export function drawing(op: string, seed: number | undefined): Rng {
  if (seed === undefined) {
    throw new GradusError(`${op} draws at random without a seed; the reference interpreter draws only with one`, {
      hint: "give the node a seed, or make the random numbers an input of the graph",
    });
  }
  return rng(0, `${op} ${seed}`);
}
