/** The two-sample test of Kolmogorov and Smirnov: the statistic, and its p exactly or by the distribution of one sample. */
import { binomialProbability } from "./binomial.ts";

export interface KolmogorovSmirnov {
  /** The largest distance between the two empirical distribution functions, 0 … 1. */
  readonly statistic: number;
  /** Two-sided. */
  readonly p: number;
}

/** `exact` counts paths; `asymptotic` takes one sample of mn/(m + n) values; `auto` is exact up to 10 000 values a side. */
export type KsMethod = "auto" | "exact" | "asymptotic";

const MOST_EXACT = 10_000;
/** Beyond this least common multiple of the two sizes the paths are not counted. */
const LARGEST_MULTIPLE = 2 ** 31 - 1;

/**
 * Whether two samples come from one continuous distribution (Smirnov 1939); with ties the p is an upper bound.
 * @param a,b numbers in any order, none missing, at least one each
 */
export function kolmogorovSmirnov(a: ArrayLike<number>, b: ArrayLike<number>, method: KsMethod = "auto"): KolmogorovSmirnov {
  const statistic = ksStatistic(Float64Array.from(a).sort(), Float64Array.from(b).sort());
  const [m, n] = [a.length, b.length];
  const multiple = (m / greatestDivisor(m, n)) * n;
  const exact = (method === "exact" || (method === "auto" && Math.max(m, n) <= MOST_EXACT)) && multiple <= LARGEST_MULTIPLE;
  return { statistic, p: exact ? exactTail(m, n, statistic) : kolmogorovTail(Math.max(1, roundHalfEven((m * n) / (m + n))), statistic) };
}

/** max |F(x) − G(x)| of two sorted samples. */
export function ksStatistic(a: Float64Array, b: Float64Array): number {
  const [m, n] = [a.length, b.length];
  let [i, j, most] = [0, 0, 0];
  while (i < m && j < n) {
    const x = Math.min(a[i]!, b[j]!);
    while (i < m && a[i] === x) i++;
    while (j < n && b[j] === x) j++;
    most = Math.max(most, Math.abs(i / m - j / n));
  }
  return most;
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));
const roundHalfEven = (x: number): number => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

/**
 * P(D ≥ d) for samples of m and n: a path takes the values of both samples in order, drawn without replacement; the probability of every
 * first step out of the band |i/m − j/n| < d is added up, so that small tails keep their digits.
 */
function exactTail(m: number, n: number, d: number): number {
  const divisor = greatestDivisor(m, n);
  const [up, right] = [n / divisor, m / divisor];
  const limit = Math.round(d * up * m);
  if (limit === 0) return 1;
  // Inside at (i, j): |i·up − j·right| < limit.
  const lowest = (i: number): number => Math.max(0, Math.floor((i * up - limit) / right) + 1);
  const highest = (i: number): number => Math.min(n, Math.ceil((i * up + limit) / right) - 1);
  const share = Float64Array.from({ length: m + n + 1 }, (_, left) => 1 / left);
  const reached = new Float64Array(n + 2);
  reached[0] = 1;
  let out = 0;
  for (let i = 0; i <= m; i++) {
    const [low, high] = [lowest(i), highest(i)];
    for (let j = low; j <= high; j++) {
      const here = reached[j]!;
      if (here === 0 || j === n) continue;
      const across = here * (n - j) * share[m + n - i - j]!;
      if (j + 1 <= high) reached[j + 1] = reached[j + 1]! + across;
      else out += across;
    }
    if (i === m) break;
    const next = lowest(i + 1);
    for (let j = low; j <= high; j++) {
      const moved = reached[j]! * (m - i) * share[m + n - i - j]!;
      reached[j] = j < next ? 0 : moved;
      if (j < next) out += moved;
    }
  }
  return Math.min(1, out);
}

/**
 * P(D ≥ d) for one sample of n values: exactly (Marsaglia, Tsang & Wang 2003) where it is quick, in the tail as twice Smirnov's one-sided
 * probability (Miller 1956), else by Pelz & Good's series; the choice among them is Simard & L'Ecuyer's (2011).
 */
export function kolmogorovTail(n: number, d: number): number {
  if (d >= 1) return 0;
  if (n * d <= 0.5) return 1;
  if (n * d >= n - 1) return Math.min(1, 2 * (1 - d) ** n);
  const square = n * d * d;
  if (d >= 0.5 || square > (n <= 140 ? 4 : 2.2)) return square > 370 && n > 140 ? 0 : Math.min(1, 2 * smirnovTail(n, d));
  return Math.min(1, Math.max(0, 1 - (n <= 140 || (n <= 100_000 && n * d ** 1.5 <= 1.4) ? matrixCdf(n, d) : seriesCdf(n, d))));
}

/** P(D⁺ ≥ d) = d Σⱼ C(n, j) (d + j/n)^(j−1) (1 − d − j/n)^(n−j), j ≤ n(1 − d) (Smirnov; Birnbaum & Tingey 1951). */
function smirnovTail(n: number, d: number): number {
  let sum = 0;
  for (let j = 0; j <= Math.floor(n * (1 - d)); j++) {
    const p = d + j / n;
    const rest = (n - j) / n - d;
    if (rest >= 0) sum += binomialProbability(j, n, p, rest) / p;
  }
  return d * sum;
}

/** P(D < d): the middle element of the n-th power of a matrix of order 2⌈nd⌉ − 1, times n!/nⁿ. */
function matrixCdf(n: number, d: number): number {
  const k = Math.floor(n * d) + 1;
  const size = 2 * k - 1;
  const h = k - n * d;
  const factorial = [1];
  for (let i = 1; i <= size; i++) factorial.push(factorial[i - 1]! * i);
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let j = 0; j < size; j++) {
      const order = i - j + 1;
      if (order < 0) continue;
      let term = 1;
      if (j === 0) term -= h ** (i + 1);
      if (i === size - 1) term -= h ** (size - j);
      if (j === 0 && i === size - 1) term += Math.max(0, 2 * h - 1) ** size;
      matrix[i * size + j] = term / factorial[order]!;
    }
  const power = matrixPower({ values: matrix, exponent: 0 }, size, n);
  let result = power.values[(k - 1) * size + k - 1]!;
  let exponent = power.exponent;
  for (let i = 1; i <= n; i++) {
    result *= i / n;
    if (result < 1e-140) [result, exponent] = [result * 1e140, exponent - 140];
  }
  return result * 10 ** exponent;
}

/** A matrix times 10^exponent. */
interface Scaled {
  readonly values: Float64Array;
  readonly exponent: number;
}

function matrixPower(base: Scaled, size: number, n: number): Scaled {
  if (n === 1) return base;
  const half = matrixPower(base, size, Math.floor(n / 2));
  const square = product(half, half, size);
  return n % 2 === 0 ? square : product(square, base, size);
}

function product(a: Scaled, b: Scaled, size: number): Scaled {
  const values = new Float64Array(size * size);
  for (let i = 0; i < size; i++)
    for (let k = 0; k < size; k++) {
      const factor = a.values[i * size + k]!;
      if (factor !== 0) for (let j = 0; j < size; j++) values[i * size + j]! += factor * b.values[k * size + j]!;
    }
  const exponent = a.exponent + b.exponent;
  const large = values[((size >> 1) * size + (size >> 1)) | 0]! > 1e140;
  return large ? { values: values.map((value) => value * 1e-140), exponent: exponent + 140 } : { values, exponent };
}

/** P(D < d) by Pelz & Good (1976): Kolmogorov's limit in z = √n·d and three corrections in 1/√n. */
function seriesCdf(n: number, d: number): number {
  const z = Math.sqrt(n) * d;
  const z2 = z * z;
  const [z4, z6, z8] = [z2 ** 2, z2 ** 3, z2 ** 4];
  const pi2 = Math.PI ** 2;
  const sums = [0, 0, 0, 0];
  // Halves k + ½ count twice (k ≥ 0 and below 0), whole numbers as well.
  for (let k = 0; k < 40; k++) {
    const half = pi2 * (k + 0.5) ** 2;
    const whole = pi2 * k * k;
    const [a, b] = [2 * Math.exp(-half / (2 * z2)), 2 * Math.exp(-whole / (2 * z2))];
    sums[0]! += a;
    sums[1]! += a * (half - z2);
    sums[2]! += (a * (6 * z6 + 2 * z4 + half * (2 * z4 - 5 * z2) + half ** 2 * (1 - 2 * z2))) / (72 * z ** 7) - (b * whole) / (36 * z ** 3);
    sums[3]! +=
      (a * (half ** 3 * (5 - 30 * z2) + half ** 2 * (-60 * z2 + 212 * z4) + half * (135 * z4 - 96 * z6) - 30 * z6 - 90 * z8)) /
        (6480 * z ** 10) +
      (b * (3 * whole * z2 - whole ** 2)) / (216 * z6);
  }
  const root = Math.sqrt(Math.PI / 2);
  return (root * sums[0]!) / z + (root / Math.sqrt(n)) * (sums[1]! / (6 * z4)) + (root / n) * sums[2]! + (root / n ** 1.5) * sums[3]!;
}
