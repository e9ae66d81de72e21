/** Yeo and Johnson's power (2000, Biometrika 87, 954): it makes skewed numbers of any sign nearly normal; λ = 0 is ln(1 + x) from 0 on. */

/** sign(x)·((|x| + 1)^p − 1)/p, p = λ for x ≥ 0 and 2 − λ below; the logarithm where p is 0. */
export function yeoJohnson(x: number, lambda: number): number {
  const p = x < 0 ? 2 - lambda : lambda;
  const log = Math.log1p(Math.abs(x));
  const raised = Math.abs(p) < 1e-8 ? log : Math.expm1(p * log) / p;
  return x < 0 ? -raised : raised;
}

/** The way back: x with yeoJohnson(x, λ) = t. Powers below 0 have a bound −1/p, at and beyond which there is no x: ±∞. */
export function inverseYeoJohnson(t: number, lambda: number): number {
  const p = t < 0 ? 2 - lambda : lambda;
  const size = Math.abs(t);
  const log = Math.abs(p) < 1e-8 ? size : p * size > -1 ? Math.log1p(p * size) / p : Infinity;
  return Math.sign(t) * Math.expm1(log);
}

/** Powers of the numbers, and the squares of those, must stay finite. */
const LONGEST = 300;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/**
 * The λ under which the numbers are most likely normal, from −5 to 5: maximises −(m/2)·ln σ²(λ) + (λ − 1)·Σ sign(x)·ln(|x| + 1), which
 * has one peak, by golden sections.
 */
export function fitYeoJohnson(values: Float64Array): number {
  const m = values.length;
  let logs = 0;
  let [longest, longestBelow] = [0, 0];
  for (const x of values) {
    const log = Math.log1p(Math.abs(x));
    logs += Math.sign(x) * log;
    if (x < 0) longestBelow = Math.max(longestBelow, log);
    else longest = Math.max(longest, log);
  }
  const likelihood = (lambda: number): number => {
    let mean = 0;
    for (const x of values) mean += yeoJohnson(x, lambda) / m;
    let squares = 0;
    for (const x of values) squares += (yeoJohnson(x, lambda) - mean) ** 2 / m;
    return (-m / 2) * Math.log(squares) + (lambda - 1) * logs;
  };
  let [low, high] = [Math.max(-5, 2 - LONGEST / longestBelow), Math.min(5, LONGEST / longest)];
  let [a, b] = [high - GOLDEN * (high - low), low + GOLDEN * (high - low)];
  let [fa, fb] = [likelihood(a), likelihood(b)];
  while (high - low > 1e-7) {
    if (fa > fb) {
      [high, b, fb] = [b, a, fa];
      a = high - GOLDEN * (high - low);
      fa = likelihood(a);
    } else {
      [low, a, fa] = [a, b, fb];
      b = low + GOLDEN * (high - low);
      fb = likelihood(b);
    }
  }
  return (low + high) / 2;
}
