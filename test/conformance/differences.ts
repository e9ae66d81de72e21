/** Numerical derivatives and how far arrays are from each other. */

/**
 * Derivatives of a scalar function by central differences with one step of Richardson's extrapolation:
 * (4·D(h) - D(2h))/3, error O(h⁴).
 */
export function centralDifferences(f: (x: Float64Array) => number, at: Float64Array, step = 1e-4): Float64Array {
  const x = at.slice();
  return at.map((value, i) => {
    const h = step * (Math.max(1, Math.abs(value)) || 1); // NaN stays NaN: no slope
    const slope = (reach: number) => {
      x[i] = value + reach;
      const above = f(x);
      x[i] = value - reach;
      return (above - f(x)) / (2 * reach);
    };
    const derivative = (4 * slope(h) - slope(2 * h)) / 3;
    x[i] = value;
    return derivative;
  });
}

const norm = (x: Float64Array) => Math.hypot(...x);

/** ‖a - b‖/(‖a‖ + ‖b‖); lengths below 10⁻⁴, where differences are noise, count as 10⁻⁴. */
export function relativeError(a: Float64Array, b: Float64Array): number {
  if (a.length !== b.length) return Infinity;
  return norm(a.map((x, i) => x - b[i]!)) / Math.max(norm(a) + norm(b), 1e-4);
}

/** Largest difference relative to the largest expected number (at least 10⁻³); equal infinities and NaN differ by nothing. */
export function largestError(actual: Float64Array, expected: Float64Array): number {
  if (actual.length !== expected.length) return Infinity;
  const scale = expected.reduce((top, x) => (Number.isFinite(x) ? Math.max(top, Math.abs(x)) : top), 1e-3);
  return actual.reduce(
    (worst, x, i) =>
      Object.is(x, expected[i]) || x === expected[i] ? worst : Math.max(worst, Math.abs(x - expected[i]!) / scale || Infinity),
    0,
  );
}
