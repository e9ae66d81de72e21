/** What regularises an architecture: dropout of the inputs and of each hidden layer, noise on the inputs. */
import { GradusError } from "../../util/errors.ts";
import { checkRanges, ranges } from "../../util/range.ts";
import type { ArchitectureOptions } from "../architecture.ts";
import { dropout, type Dropout, type DropoutOptions } from "../layers/dropout.ts";
import { noise, type Noise } from "../layers/noise.ts";

export interface Drops {
  /** Layers in front of the first one. */
  readonly inputs: readonly (Noise | Dropout)[];
  /** Of hidden layers, by their keep probabilities. */
  readonly keeps: readonly number[];
  /** Dropout behind a hidden layer, where there is any; 0 is the first. */
  behind(layer: number, options?: DropoutOptions): readonly Dropout[];
}

/**
 * @param name of the architecture, for errors
 * @param layers hidden layers, or stages or blocks
 * @param dropped of them, where one number is given: all but these keep everything
 * @throws GradusError for a probability out of its range, or a list of another length
 */
export function dropsOf(
  name: string,
  { keepProbability = 1, inputNoise = 0 }: ArchitectureOptions,
  layers: number,
  dropped: (layer: number) => boolean = () => true,
): Drops {
  const list = typeof keepProbability === "number" ? undefined : keepProbability;
  for (const keep of list ?? [keepProbability]) checkRanges({ keepProbability: keep }, { keepProbability: ranges.keepProbability });
  checkRanges({ inputNoise }, { inputNoise: ranges.notNegative });
  if (list && list.length !== layers && list.length !== layers + 1) {
    throw new GradusError(`${name} has ${layers} hidden layers, and keepProbability is a list of ${list.length}.`, {
      hint: `${layers} numbers, one for each, or ${layers + 1}: one more at the front, for the inputs`,
    });
  }
  const ofInputs = list && list.length > layers ? list[0]! : 1;
  const keeps = list
    ? list.slice(list.length - layers)
    : Array.from({ length: layers }, (_, i) => (dropped(i) ? (keepProbability as number) : 1));
  return {
    inputs: [...(inputNoise > 0 ? [noise(inputNoise)] : []), ...(ofInputs < 1 ? [dropout(ofInputs)] : [])],
    keeps,
    behind: (layer, options = {}) => (keeps[layer]! < 1 ? [dropout(keeps[layer]!, options)] : []),
  };
}
