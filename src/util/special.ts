/** Special functions behind the tests and intervals: log-gamma, the regularised incomplete beta and gamma functions, Student's t, χ². */
import { standardNormalQuantile } from "./normal.ts";

const LANCZOS = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** ln Γ(x) for x > 0, relative error about 10⁻¹⁴ (Lanczos, g = 7). */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const z = x - 1;
  let sum = LANCZOS[0]!;
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (z + i);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** I_x(a, b), the regularised incomplete beta function, for a, b > 0 and 0 ≤ x ≤ 1 (Lentz's continued fraction). */
export function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const guard = (value: number): number => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m <= 10_000; m++) {
    for (const term of [
      (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m)),
      (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1)),
    ]) {
      d = 1 / guard(1 + term * d);
      c = guard(1 + term / c);
      h *= d * c;
    }
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return h;
}

/** P(a, x), the regularised lower incomplete gamma function, for a > 0 and x ≥ 0, and 1 − P: a series, or Lentz's continued fraction. */
function incompleteGamma(a: number, x: number): { readonly lower: number; readonly upper: number } {
  if (x <= 0) return { lower: 0, upper: 1 };
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let n = 1; n <= 100_000 && term > sum * 1e-16; n++) sum += term *= x / (a + n);
    return { lower: front * sum, upper: 1 - front * sum };
  }
  let [b, c] = [x + 1 - a, 1e300];
  let [d, h] = [1 / b, 1 / b];
  for (let n = 1; n <= 100_000; n++) {
    const term = n * (a - n);
    b += 2;
    d = 1 / (b + term * d);
    c = b + term / c;
    h *= c * d;
    if (Math.abs(c * d - 1) < 1e-16) break;
  }
  return { lower: 1 - front * h, upper: front * h };
}

/** The smaller tail of χ² with ν > 0 degrees of freedom at x ≥ 0, doubled: the two-sided p of a variance. */
export function chiSquareTwoSided(x: number, degrees: number): number {
  const { lower, upper } = incompleteGamma(degrees / 2, x / 2);
  return Math.min(1, 2 * Math.min(lower, upper));
}

/** P(X ≥ x) for χ² with ν > 0 degrees of freedom. */
export function chiSquareTail(x: number, degrees: number): number {
  return incompleteGamma(degrees / 2, x / 2).upper;
}

/** P(T ≤ t) for Student's t with ν > 0 degrees of freedom. */
export function studentTCdf(t: number, degrees: number): number {
  const tail = 0.5 * incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
  return t > 0 ? 1 - tail : tail;
}

/** The t with P(T ≤ t) = p for Student's t with ν > 0 degrees of freedom (ν = ∞ is the normal); 0 < p < 1. */
export function studentTQuantile(p: number, degrees: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  if (p === 0.5) return 0;
  if (degrees === Infinity) return standardNormalQuantile(p);
  if (p < 0.5) return -studentTQuantileUpper(p, degrees);
  return studentTQuantileUpper(1 - p, degrees);
}

/** The t > 0 with P(T > t) = tail < ½, by doubling, then bisection to the last bit. */
function studentTQuantileUpper(tail: number, degrees: number): number {
  const above = (t: number): number => 0.5 * incompleteBeta(degrees / (degrees + t * t), degrees / 2, 0.5);
  let low = 0;
  let high = 1;
  while (above(high) > tail) {
    low = high;
    high *= 2;
  }
  for (;;) {
    const middle = (low + high) / 2;
    if (middle <= low || middle >= high) return middle;
    if (above(middle) > tail) low = middle;
    else high = middle;
  }
}
