/** How far differences themselves are off at one tensor, and the step at which its curvature no longer hides a wrong gradient. */
import { roundingNoise, truncationOf, type Noise } from "./compare.ts";
import type { Probe, Prober, Slope } from "./probes.ts";

/** Truncation this many times the rounding, */
const dominance = 10;
/** and this share of the slope, is too much: the step is shortened. */
const curved = 1e-6;
/** A step is shortened so often at most, to a tenth each time at most. */
const mostRounds = 4;

/** What a tensor's noise is measured with. */
interface NoiseContext {
  readonly prober: Prober;
  readonly loss: number;
  readonly epsilon: number;
}

/** By how much to shorten a step: towards where rounding is as large as truncation; 1 where the step is right. */
function shortening({ rounding, truncation }: Noise, slope: number): number {
  const hides = truncation > dominance * rounding && truncation > curved * Math.abs(slope);
  return hides ? Math.min(0.5, Math.max(0.1, Math.cbrt(rounding / truncation))) : 1;
}

/** The same prober at a share of its steps. */
function shortened(prober: Prober, share: number): Prober {
  return share === 1 ? prober : { ...prober, step: (tensor, probe) => share * prober.step(tensor, probe) };
}

interface MeasuredNoise {
  readonly noise: Noise;
  /** The plain slope of each coordinate of the sample. */
  readonly slopes: readonly number[];
  /** Coordinates that stand at a kink. */
  readonly bent: ReadonlySet<number>;
  /** Takes the steps at which this was measured. */
  readonly prober: Prober;
  /** Those steps as a share of the usual ones: 1, less where the loss is strongly curved. */
  readonly share: number;
}

/** Rounding and truncation, from plain slopes at h and 2h of sampled coordinates. */
export async function measureNoise(context: NoiseContext, tensor: number, sample: Int32Array): Promise<MeasuredNoise> {
  let share = 1;
  for (let round = 0; ; round++) {
    const prober = shortened(context.prober, share);
    const found = await noiseAt({ ...context, prober }, tensor, sample);
    const finite = found.slopes.filter(Number.isFinite);
    const size = Math.sqrt(finite.reduce((sum, slope) => sum + slope * slope, 0) / Math.max(1, finite.length));
    const factor = shortening(found.noise, size);
    if (factor === 1 || round === mostRounds) return { ...found, prober, share };
    share *= factor;
  }
}

async function noiseAt({ prober, loss, epsilon }: NoiseContext, tensor: number, sample: Int32Array) {
  const slopes: number[] = [];
  const squares: number[] = [];
  const bent = new Set<number>();
  let distance = Infinity;
  for (const index of sample) {
    const probe = { kind: "coordinate", index } as const;
    const h = prober.step(tensor, probe);
    const once = await prober.smoothSlope(tensor, probe, h);
    distance = Math.min(distance, once.distance);
    slopes.push(once.value);
    if (!once.smooth) {
      bent.add(index);
      continue;
    }
    const twice = await prober.slope(tensor, probe, 2 * h);
    const truncation = truncationOf(once.value, twice.value, prober.sides);
    const suspicious = truncation > 10 * roundingNoise(loss, once.distance, epsilon);
    // A kink between the points is no curvature.
    if (!suspicious || (await prober.smoothSlope(tensor, probe, 2 * h)).smooth) squares.push(truncation ** 2);
  }
  const truncation = squares.length > 0 ? Math.sqrt(squares.reduce((a, b) => a + b, 0) / squares.length) : 0;
  return { noise: { rounding: roundingNoise(loss, distance, epsilon), truncation, relative: epsilon }, slopes, bent };
}

/** A smooth slope and what curvature adds to it, at a step that is shortened as long as that hides errors. */
export async function straightened(
  { prober, loss, epsilon }: NoiseContext,
  tensor: number,
  probe: Probe,
  start: Slope & { readonly step: number },
): Promise<Slope & { readonly truncation: number }> {
  let found = start;
  for (let round = 0; ; round++) {
    const twice = await prober.smoothSlope(tensor, probe, 2 * found.step);
    const truncation = twice.smooth ? truncationOf(found.value, twice.value, prober.sides) : 0;
    const factor = shortening({ rounding: roundingNoise(loss, found.distance, epsilon), truncation }, found.value);
    if (factor === 1 || round === mostRounds) return { value: found.value, distance: found.distance, truncation };
    const step = factor * found.step;
    found = { ...(await prober.slope(tensor, probe, step)), step };
  }
}
