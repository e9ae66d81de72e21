/** Binomial and hypergeometric probabilities, and their upper tails. */
import { incompleteBeta, logGamma } from "./special.ts";

const HALF_LOG_2PI = 0.5 * Math.log(2 * Math.PI);

/** ln n! − Stirling's formula. */
function stirlingError(n: number): number {
  if (n <= 15) {
    let factorial = 1;
    for (let i = 2; i <= n; i++) factorial *= i;
    return Math.log(factorial) - (n + 0.5) * Math.log(n) + n - HALF_LOG_2PI;
  }
  const s = 1 / (n * n);
  return (1 / 12 - (1 / 360 - (1 / 1260 - (1 / 1680 - s / 1188) * s) * s) * s) / n;
}

/** x ln(x/m) + m − x, without cancellation where x is near m. */
function deviance(x: number, m: number): number {
  const v = (x - m) / (x + m);
  if (Math.abs(v) >= 0.1) return x * Math.log(x / m) + m - x;
  let [term, sum] = [2 * x * v, (x - m) * v];
  for (let j = 3; ; j += 2) {
    term *= v * v;
    const next = sum + term / j;
    if (next === sum) return sum;
    sum = next;
  }
}

/**
 * P(X = k) of n trials with probability p (Loader 2000: saddle point, digits kept in the tails).
 * @param q 1 − p where it is known better
 */
export function binomialProbability(k: number, n: number, p: number, q = 1 - p): number {
  if (p === 0) return k === 0 ? 1 : 0;
  if (q === 0) return k === n ? 1 : 0;
  if (k === 0) return Math.exp(n * Math.log(q));
  if (k === n) return Math.exp(n * Math.log(p));
  const exponent = stirlingError(n) - stirlingError(k) - stirlingError(n - k) - deviance(k, n * p) - deviance(n - k, n * q);
  return Math.sqrt(n / (2 * Math.PI * k * (n - k))) * Math.exp(exponent);
}

/** P(X ≥ k) of n trials with probability p. */
export function binomialTail(k: number, n: number, p: number): number {
  if (k <= 0) return 1;
  return k > n ? 0 : incompleteBeta(p, k, n - k + 1);
}

const logChoose = (n: number, k: number): number => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);

/**
 * Fisher's exact test of two shares, one-sided: the probability of at least as many of all successes in the first sample as are there,
 * were the two alike.
 */
export function fisherTail(
  first: { readonly count: number; readonly n: number },
  second: { readonly count: number; readonly n: number },
): number {
  const successes = first.count + second.count;
  const whole = logChoose(first.n + second.n, successes);
  let tail = 0;
  for (let k = first.count; k <= Math.min(successes, first.n); k++)
    if (successes - k <= second.n) tail += Math.exp(logChoose(first.n, k) + logChoose(second.n, successes - k) - whole);
  return Math.min(1, tail);
}
