/** Slopes of a loss along a coordinate or a direction, by differences that know when they cross a kink. */
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import { defaultStep, stepAt, type DifferenceOptions, type Sides } from "./difference.ts";
import { sameDecisions, type Evaluator, type Signature } from "./evaluate.ts";

/** In place of a tensor's number: all of them, one after the other, as one vector. */
export const everything = -1;

/** Which way θ is moved: one coordinate of a tensor, or a unit vector over all of it. */
export type Probe = { readonly kind: "coordinate"; readonly index: number } | { readonly kind: "direction"; readonly vector: Float64Array };

export interface Slope {
  readonly value: number;
  /** What the difference of the losses was divided by. */
  readonly distance: number;
}

export interface Prober {
  readonly sides: Sides;
  /** The step of a probe before any halving. */
  step(tensor: number, probe: Probe): number;
  slope(tensor: number, probe: Probe, h: number): Promise<Slope>;
  /** The slope, and whether the loss is smooth between the points it was taken from: it is not where its domain ends. */
  smoothSlope(tensor: number, probe: Probe, h: number): Promise<Slope & { readonly smooth: boolean }>;
}

export function createProber(evaluator: Evaluator, options: DifferenceOptions): Prober {
  const { sides = "two" } = options;
  let here: Promise<{ loss: number; signature: Signature }> | undefined;
  const now = () => (here ??= evaluator.lossAndDecisions());

  /** θ moved along a probe, f taken, θ put back to the bit. */
  const at = async <T>(tensor: number, probe: Probe, by: number, f: () => Promise<T>): Promise<T> => {
    if (probe.kind === "coordinate") {
      const theta = evaluator.parameters[tensor]!;
      const kept = theta[probe.index]!;
      theta[probe.index] = kept + by;
      try {
        return await f();
      } finally {
        theta[probe.index] = kept;
      }
    }
    const { vector } = probe;
    const moved = tensor === everything ? evaluator.parameters : [evaluator.parameters[tensor]!];
    const kept = moved.map((theta) => theta.slice());
    let from = 0;
    for (const theta of moved) {
      for (let i = 0; i < theta.length; i++) theta[i]! += by * vector[from + i]!;
      from += theta.length;
    }
    try {
      return await f();
    } finally {
      moved.forEach((theta, i) => theta.set(kept[i]!));
    }
  };
  /** The distance between the two points as the numbers hold it. */
  const distanceOf = (tensor: number, probe: Probe, h: number) => {
    const below = sides === "two" ? h : 0;
    if (probe.kind === "direction") return h + below;
    const theta = evaluator.parameters[tensor]![probe.index]!;
    return theta + h - (theta - below);
  };

  return {
    sides,
    step(tensor, probe) {
      if (probe.kind === "coordinate") return stepAt(evaluator.parameters[tensor]![probe.index]!, options);
      // Longer than a coordinate's, since the slope along a random unit vector is smaller than the gradient by √n.
      return (options.step ?? defaultStep) * probe.vector.length ** 0.25;
    },
    async slope(tensor, probe, h) {
      const above = (await inDomain(at(tensor, probe, h, evaluator.loss))) ?? NaN;
      const below = (await (sides === "two" ? inDomain(at(tensor, probe, -h, evaluator.loss)) : evaluator.loss())) ?? NaN;
      const distance = distanceOf(tensor, probe, h);
      return { value: (above - below) / distance, distance };
    },
    async smoothSlope(tensor, probe, h) {
      const start = await now();
      const above = await inDomain(at(tensor, probe, h, evaluator.lossAndDecisions));
      const below = sides === "two" ? await inDomain(at(tensor, probe, -h, evaluator.lossAndDecisions)) : start;
      const distance = distanceOf(tensor, probe, h);
      if (!above || !below) return { value: NaN, distance, smooth: false };
      const leaves = Number.isFinite(start.loss) && !(Number.isFinite(above.loss) && Number.isFinite(below.loss));
      const smooth = !leaves && [above, below].every(({ signature }) => sameDecisions(signature, start.signature));
      return { value: (above.loss - below.loss) / distance, distance, smooth };
    },
  };
}

/** What was found, or undefined where an operator refuses the point: one that it takes lies beside it. */
async function inDomain<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof GradusError) return undefined;
    throw error;
  }
}

/** A unit vector of random signs, its sizes within a factor of three: equal ones would not see two elements exchanged. */
export function randomDirection(size: number, seed: number, stream: string, number: number): Probe {
  const draw = rng(seed, `direction ${stream}`, number);
  const vector = new Float64Array(size);
  let square = 0;
  let bits = 0;
  for (let i = 0; i < size; i++) {
    // Four elements a word: two of them are as long as each other, and of one sign, in one case of 256.
    bits = i % 4 === 0 ? draw.uint32() : bits >>> 8;
    const length = 0.5 + (bits & 0xfe) / 2 ** 9;
    vector[i] = bits & 1 ? length : -length;
    square += length * length;
  }
  const norm = Math.sqrt(square);
  for (let i = 0; i < size; i++) vector[i]! /= norm;
  return { kind: "direction", vector };
}

/** Coordinates in ascending order: all, or as many as asked, drawn without replacement. */
export function sampleCoordinates(size: number, most: number, seed: number, stream: string): Int32Array {
  if (size <= most) return Int32Array.from({ length: size }, (_, i) => i);
  if (most > size / 4) return rng(seed, `coordinates ${stream}`).permutation(size).slice(0, most).sort();
  const draw = rng(seed, `coordinates ${stream}`);
  const chosen = new Set<number>();
  while (chosen.size < most) chosen.add(draw.integer(size));
  return Int32Array.from(chosen).sort();
}

/** The slope of an analytic gradient along a probe. */
export function along(gradient: ArrayLike<number>, probe: Probe): number {
  if (probe.kind === "coordinate") return gradient[probe.index]!;
  let sum = 0;
  for (let i = 0; i < probe.vector.length; i++) sum += probe.vector[i]! * gradient[i]!;
  return sum;
}
