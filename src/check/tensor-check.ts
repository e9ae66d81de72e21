/** One tensor's gradient against differences: which numbers are compared, which stand at a kink, the verdict. */
import { bandOf, type Band } from "./relative-error.ts";
import { floorFactor, judge, roundingNoise, type Noise, type Verdict } from "./compare.ts";
import { measureNoise, straightened } from "./noise.ts";
import { short } from "../util/format.ts";
import { along, randomDirection, sampleCoordinates, type Probe, type Prober } from "./probes.ts";

/** Random directions per tensor beside a sample of coordinates; in fast mode, the most that are tried where some stand at kinks. */
export const directionsPerTensor = 3;
/** Coordinates that plain evaluations check in every tensor, whatever the quick way says. */
export const crossChecked = 20;
/** How often a step is halved where it crosses a kink. */
export const halvings = 2;

/** One number that was compared. `index` is a coordinate of the tensor, or −1 for a random direction. */
export interface Points {
  readonly index: Int32Array;
  readonly analytic: Float64Array;
  readonly numeric: Float64Array;
}

export interface TensorCheck {
  readonly name: string;
  readonly shape: readonly number[];
  readonly size: number;
  readonly verdict: Verdict;
  /** Why it is untested, or what else there is to say. */
  readonly reason?: string;
  /** ‖a − n‖ / (‖a‖ + ‖n‖) over what was compared. */
  readonly error: number;
  /** What rounding and the step's length predict for a right gradient. */
  readonly floor: number;
  /** 100 × the floor. */
  readonly threshold: number;
  readonly band: Band;
  /** Coordinates compared, and random directions. */
  readonly coordinates: number;
  readonly directions: number;
  /** Coordinates (or directions) skipped, because between the points of every step tried the loss bends, or its domain ends. */
  readonly kinks: number;
  /** The coordinate that differs most, as an index per axis. */
  readonly worst?: { readonly index: readonly number[]; readonly analytic: number; readonly numeric: number };
  /** `plain`: an evaluation of the whole loss each. `batched`: many perturbed copies in one call, a sample checked plainly. */
  readonly method: "plain" | "batched";
  readonly points: Points;
}

/**
 * All coordinates' slopes in one go, at a share of the usual steps, or undefined where the graph's structure does not allow it; they
 * stand only where they agree.
 */
export type BatchedSlopes = (tensor: number, share: number, agrees: (slopes: Float64Array) => boolean) => Promise<Float64Array | undefined>;

export interface TensorToCheck {
  readonly position: number;
  readonly name: string;
  readonly shape: readonly number[];
  readonly analytic: Float64Array;
}

export interface TensorCheckContext {
  readonly prober: Prober;
  readonly batched: BatchedSlopes;
  readonly loss: number;
  readonly epsilon: number;
  readonly seed: number;
  /** Most coordinates per tensor that are evaluated one by one. */
  readonly mostPlain: () => number;
}

const coordinate = (index: number): Probe => ({ kind: "coordinate", index });

/**
 * Random directions alone, two evaluations each whatever the size, until `enough` of them are compared. Only where a slope differs by more than rounding explains are
 * kinks looked for and the step's truncation measured.
 */
export async function checkAlongDirections(
  context: TensorCheckContext,
  tensor: TensorToCheck,
  enough = directionsPerTensor,
): Promise<TensorCheck> {
  const { prober, seed, loss, epsilon } = context;
  const { position, name, analytic } = tensor;
  const compared: { probe: Probe; numeric: number }[] = [];
  let [kinks, truncation, distance] = [0, 0, Infinity];
  for (let number = 0; number < directionsPerTensor && compared.length < enough; number++) {
    const probe = randomDirection(analytic.length, seed, name, number);
    const step = prober.step(position, probe);
    let found = await prober.slope(position, probe, step);
    if (!(Math.abs(found.value - along(analytic, probe)) <= floorFactor * roundingNoise(loss, found.distance, epsilon))) {
      const smooth = await smoothest(prober, position, probe);
      if (!smooth) {
        kinks++;
        continue;
      }
      const settled = await straightened(context, position, probe, smooth);
      truncation = Math.max(truncation, settled.truncation);
      found = settled;
    }
    distance = Math.min(distance, found.distance);
    compared.push({ probe, numeric: found.value });
  }
  const noise = { rounding: roundingNoise(loss, distance, epsilon), truncation, relative: epsilon };
  return conclude(tensor, compared, { noise, kinks, method: "plain" });
}

/** Coordinate by coordinate: all in one go where that can be done, else each by itself, a sample of a large tensor. */
export async function checkCoordinates(context: TensorCheckContext, tensor: TensorToCheck): Promise<TensorCheck> {
  const { seed } = context;
  const { position, analytic, name } = tensor;
  const size = analytic.length;
  // From infinity no step leads anywhere.
  const isPoint = (index: number) => Number.isFinite(context.prober.step(position, coordinate(index)));
  const sample = sampleCoordinates(size, Math.min(crossChecked, context.mostPlain()), seed, name).filter(isPoint);
  const { noise, slopes, bent, prober, share } = await measureNoise(context, position, sample);
  const mostPlain = context.mostPlain();
  const limit = floorFactor * (noise.rounding + noise.truncation);

  // The quick way stands only where it agrees with plain evaluations.
  const agrees = (quick: Float64Array) => sample.every((index, i) => Math.abs(quick[index]! - slopes[i]!) <= floorFactor * noise.rounding);
  const fast = size > crossChecked ? await context.batched(position, share, agrees) : undefined;
  const drawn = fast ? sampleCoordinates(size, size, seed, name) : sampleCoordinates(size, mostPlain, seed, name);
  const chosen = drawn.filter(isPoint);
  const known = new Map([...sample].map((index, i) => [index, slopes[i]!]));
  const compared: { probe: Probe; numeric: number }[] = [];
  for (const index of chosen) {
    const probe = coordinate(index);
    const numeric = fast ? fast[index]! : (known.get(index) ?? (await prober.slope(position, probe, prober.step(position, probe))).value);
    compared.push({ probe, numeric });
  }
  const directions = drawn.length < size ? Array.from({ length: directionsPerTensor }, (_, i) => randomDirection(size, seed, name, i)) : [];

  const bends = await settleKinks({ ...context, prober }, tensor, compared, { limit, bent });
  const kinks = bends + drawn.length - chosen.length;
  const concluded = conclude(tensor, compared, { noise, kinks, method: fast ? "batched" : "plain" });
  const result = share === 1 ? concluded : { reason: `strongly curved: ε × ${short(share)}`, ...concluded };
  if (directions.length === 0 || result.verdict === "failed") return result;
  const whole = await checkAlongDirections(context, tensor);
  // What the sample did not see, a direction over the whole tensor does: a few numbers of many that are not zero.
  const counts = { coordinates: result.coordinates, kinks: result.kinks };
  if (whole.verdict === "failed") return { ...whole, ...counts, reason: "a random direction over the whole tensor differs" };
  if (whole.verdict === "passed" && result.verdict === "untested") return { ...whole, ...counts };
  return { ...result, directions: whole.directions };
}

/** The slope at the first step, of those halved, between whose points nothing decides otherwise. */
async function smoothest(prober: Prober, position: number, probe: Probe) {
  let step = prober.step(position, probe);
  for (let halved = 0; halved <= halvings; halved++, step /= 2) {
    const found = await prober.smoothSlope(position, probe, step);
    if (found.smooth) return { ...found, step };
  }
  return undefined;
}

/**
 * Numbers that differ by more than noise, or are known to stand at a kink, are looked at again, the worst first: taken out, or in
 * with a shorter step. (A kink that moves a slope by less than the noise changes no verdict.) It ends with the first that differs where the loss is smooth: then the gradient is wrong, whatever the others say.
 * @returns how many were taken out of `compared`
 */
async function settleKinks(
  { prober }: TensorCheckContext,
  { position, analytic }: TensorToCheck,
  compared: { probe: Probe; numeric: number }[],
  { limit, bent }: { readonly limit: number; readonly bent: ReadonlySet<number> },
): Promise<number> {
  const off = ({ probe, numeric }: { probe: Probe; numeric: number }) => {
    const difference = Math.abs(along(analytic, probe) - numeric);
    return Number.isNaN(difference) ? Infinity : difference;
  };
  const isBent = ({ probe }: { probe: Probe }) => probe.kind === "coordinate" && bent.has(probe.index);
  const suspicious = compared.filter((one) => isBent(one) || !(off(one) <= limit)).sort((a, b) => off(b) - off(a));
  const skipped = new Set<object>();
  for (const one of suspicious) {
    const found = await smoothest(prober, position, one.probe);
    if (!found) {
      skipped.add(one);
      continue;
    }
    one.numeric = found.value;
    if (!(off(one) <= (limit * prober.step(position, one.probe)) / found.step)) break;
  }
  if (skipped.size > 0) compared.splice(0, compared.length, ...compared.filter((one) => !skipped.has(one)));
  return skipped.size;
}

function conclude(
  tensor: TensorToCheck,
  compared: readonly { probe: Probe; numeric: number }[],
  { noise, kinks, method }: { noise: Noise; kinks: number; method: TensorCheck["method"] },
): TensorCheck {
  const { name, shape, analytic: gradient } = tensor;
  const points: Points = {
    index: Int32Array.from(compared, ({ probe }) => (probe.kind === "coordinate" ? probe.index : -1)),
    analytic: Float64Array.from(compared, ({ probe }) => along(gradient, probe)),
    numeric: Float64Array.from(compared, ({ numeric }) => numeric),
  };
  const coordinates = points.index.filter((index) => index >= 0).length;
  const head = { name, shape, size: gradient.length, coordinates, directions: compared.length - coordinates, kinks, method, points };
  if (compared.length === 0) {
    const nothing = { error: 0, floor: 0, threshold: 0, band: bandOf(0) };
    return { ...head, ...nothing, verdict: kinks > 0 ? "kink" : "untested", ...(kinks > 0 ? {} : { reason: "no elements" }) };
  }
  const judged = judge(points.analytic, points.numeric, noise);
  const worst = worstOf(points);
  return {
    ...head,
    ...judged,
    band: bandOf(judged.error),
    ...(worst >= 0 && points.index[worst]! >= 0
      ? { worst: { index: unravel(points.index[worst]!, shape), analytic: points.analytic[worst]!, numeric: points.numeric[worst]! } }
      : {}),
  };
}

function worstOf({ analytic, numeric }: Points): number {
  let [at, most] = [-1, -1];
  for (let i = 0; i < analytic.length; i++) {
    const off = Math.abs(analytic[i]! - numeric[i]!);
    if (!(off <= most)) [at, most] = [i, off];
  }
  return at;
}

/** A flat index as one per axis. */
export function unravel(index: number, shape: readonly number[]): number[] {
  const at = new Array<number>(shape.length);
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    at[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return at;
}
