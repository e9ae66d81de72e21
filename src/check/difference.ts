/** Derivatives by differences (spec §3.4): the slope of a chord instead of the tangent. */

export type Sides = "two" | "one";

export interface DifferenceOptions {
  /** ε; default 10⁻⁵, where the noise of two-sided differences in float64 is least. The lecture uses 10⁻⁷. */
  readonly step?: number;
  /** Two-sided, (f(θ+ε) − f(θ−ε))/2ε, with an error of order ε², unless asked: one-sided is (f(θ+ε) − f(θ))/ε, of order ε. */
  readonly sides?: Sides;
  /** Multiply ε by max(1, |θ|), coordinate by coordinate; default true. */
  readonly scaled?: boolean;
}

export const defaultStep = 1e-5;

/** ε for a coordinate at θ. */
export function stepAt(theta: number, { step = defaultStep, scaled = true }: DifferenceOptions = {}): number {
  return scaled ? step * Math.max(1, Math.abs(theta)) : step;
}

/**
 * The derivative of a function of one number.
 * @example numericalDerivative((t) => t ** 3, 1, { step: 0.01 }) // 3.0001; one-sided 3.0301
 */
export function numericalDerivative(f: (theta: number) => number, theta: number, options: DifferenceOptions = {}): number {
  const h = stepAt(theta, options);
  const above = theta + h;
  const below = options.sides === "one" ? theta : theta - h;
  return (f(above) - f(below)) / (above - below); // the step as the numbers hold it
}

/**
 * The gradient of a function of many numbers, coordinate by coordinate; θ is the same to the bit afterwards.
 * @param f is called with θ itself, one coordinate moved
 */
export function numericalGradient(
  f: (theta: Float64Array) => number,
  theta: Float64Array,
  options: DifferenceOptions = {},
): Float64Array<ArrayBuffer> {
  const found = new Float64Array(theta.length);
  for (let i = 0; i < theta.length; i++) {
    const kept = theta[i]!;
    const moved = (value: number) => {
      theta[i] = value;
      return f(theta);
    };
    try {
      found[i] = numericalDerivative(moved, kept, options);
    } finally {
      theta[i] = kept;
    }
  }
  return found;
}
