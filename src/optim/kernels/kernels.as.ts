// Fused optimizer updates in AssemblyScript, four float32 at a time; compiled by `npm run build:kernels`.
// Every array is a byte offset into the one imported memory plus a count `n` of float32 elements. Scalars come
// rounded once from float64: a 1-β computed in float32 here would be off by 1e-5, so it is a parameter of its own.
// Each loop does whole vectors, then the remaining n mod 4 elements in lane 0 by the same operations. The rest in
// vectors, not scalars, is what makes Adam 20 % faster: both forms of its eight constants do not fit the registers.

/** Bytes of the n - n mod 4 elements that are done as vectors. */
@inline
function vectorBytes(n: i32): usize {
  return (<usize>(n & ~3)) << 2;
}

/** One element, in lane 0. */
@inline
function one(address: usize): v128 {
  return v128.load_zero<f32>(address);
}

@inline
function storeOne(address: usize, value: v128): void {
  v128.store_lane<f32>(address, value, 0);
}

/** keep·old + take·value */
@inline
function blend(keep: v128, old: v128, take: v128, value: v128): v128 {
  return f32x4.add(f32x4.mul(keep, old), f32x4.mul(take, value));
}

/** θ - a·x */
@inline
function descend(theta: v128, a: v128, x: v128): v128 {
  return f32x4.sub(theta, f32x4.mul(a, x));
}

/** scale·g + l2·θ + l1·sign(θ): the gradient that is descended, clipped and penalised; sign(0) = 0. */
@inline
function descended(theta: v128, g: v128, scale: v128, l2: v128, l1: v128): v128 {
  const signs = v128.or(l1, v128.and(theta, i32x4.splat(0x80000000)));
  const smooth = f32x4.add(f32x4.mul(scale, g), f32x4.mul(l2, theta));
  return f32x4.add(smooth, v128.and(signs, f32x4.ne(theta, f32x4.splat(0))));
}

/** θ ← θ - lr·g. In this and all updates below g stands for scale·g + l2·θ + l1·sign(θ). */
export function sgd(theta: usize, g: usize, n: i32, lr: f32, scale: f32, l2: f32, l1: f32): void {
  const rate = f32x4.splat(lr);
  const scales = f32x4.splat(scale);
  const squares = f32x4.splat(l2);
  const sizes = f32x4.splat(l1);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) {
    const weight = v128.load(theta + i);
    v128.store(theta + i, descend(weight, rate, descended(weight, v128.load(g + i), scales, squares, sizes)));
  }
  for (; i < end; i += 4) {
    const weight = one(theta + i);
    storeOne(theta + i, descend(weight, rate, descended(weight, one(g + i), scales, squares, sizes)));
  }
}

/** v ← μ·v + g;  θ ← θ - lr·v */
export function momentum(
  theta: usize, g: usize, v: usize, n: i32,
  lr: f32, mu: f32, scale: f32, l2: f32, l1: f32,
): void {
  const scales = f32x4.splat(scale);
  const squares = f32x4.splat(l2);
  const sizes = f32x4.splat(l1);
  const rate = f32x4.splat(lr);
  const keep = f32x4.splat(mu);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) {
    const weight = v128.load(theta + i);
    const gradient = descended(weight, v128.load(g + i), scales, squares, sizes);
    const velocity = f32x4.add(f32x4.mul(keep, v128.load(v + i)), gradient);
    v128.store(v + i, velocity);
    v128.store(theta + i, descend(weight, rate, velocity));
  }
  for (; i < end; i += 4) {
    const weight = one(theta + i);
    const gradient = descended(weight, one(g + i), scales, squares, sizes);
    const velocity = f32x4.add(f32x4.mul(keep, one(v + i)), gradient);
    storeOne(v + i, velocity);
    storeOne(theta + i, descend(weight, rate, velocity));
  }
}

/** v ← μ·v + g;  θ ← θ - lr·(g + μ·v) */
export function nesterov(
  theta: usize, g: usize, v: usize, n: i32,
  lr: f32, mu: f32, scale: f32, l2: f32, l1: f32,
): void {
  const scales = f32x4.splat(scale);
  const squares = f32x4.splat(l2);
  const sizes = f32x4.splat(l1);
  const rate = f32x4.splat(lr);
  const keep = f32x4.splat(mu);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) {
    const weight = v128.load(theta + i);
    const gradient = descended(weight, v128.load(g + i), scales, squares, sizes);
    const velocity = f32x4.add(f32x4.mul(keep, v128.load(v + i)), gradient);
    v128.store(v + i, velocity);
    v128.store(theta + i, descend(weight, rate, f32x4.add(gradient, f32x4.mul(keep, velocity))));
  }
  for (; i < end; i += 4) {
    const weight = one(theta + i);
    const gradient = descended(weight, one(g + i), scales, squares, sizes);
    const velocity = f32x4.add(f32x4.mul(keep, one(v + i)), gradient);
    storeOne(v + i, velocity);
    storeOne(theta + i, descend(weight, rate, f32x4.add(gradient, f32x4.mul(keep, velocity))));
  }
}

/** s ← α·s + (1-α)·g²;  θ ← θ - lr·g / (√s + ε) */
export function rmsprop(
  theta: usize, g: usize, s: usize, n: i32,
  lr: f32, alpha: f32, oneMinusAlpha: f32, epsilon: f32, scale: f32, l2: f32, l1: f32,
): void {
  const scales = f32x4.splat(scale);
  const squares = f32x4.splat(l2);
  const sizes = f32x4.splat(l1);
  const rate = f32x4.splat(lr);
  const keep = f32x4.splat(alpha);
  const take = f32x4.splat(oneMinusAlpha);
  const tiny = f32x4.splat(epsilon);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) {
    const weight = v128.load(theta + i);
    const gradient = descended(weight, v128.load(g + i), scales, squares, sizes);
    const square = blend(keep, v128.load(s + i), take, f32x4.mul(gradient, gradient));
    v128.store(s + i, square);
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.add(f32x4.sqrt(square), tiny));
    v128.store(theta + i, f32x4.sub(weight, step));
  }
  for (; i < end; i += 4) {
    const weight = one(theta + i);
    const gradient = descended(weight, one(g + i), scales, squares, sizes);
    const square = blend(keep, one(s + i), take, f32x4.mul(gradient, gradient));
    storeOne(s + i, square);
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.add(f32x4.sqrt(square), tiny));
    storeOne(theta + i, f32x4.sub(weight, step));
  }
}

/** (θ - decay·θ) - rate·m / (√v·correction + ε) */
@inline
function adamStep(theta: v128, m: v128, v: v128, rate: v128, correction: v128, epsilon: v128, decay: v128): v128 {
  const scale = f32x4.add(f32x4.mul(f32x4.sqrt(v), correction), epsilon);
  return f32x4.sub(descend(theta, decay, theta), f32x4.div(f32x4.mul(rate, m), scale));
}

/**
 * m ← β₁·m + (1-β₁)·g;  v ← β₂·v + (1-β₂)·g²;  θ ← (θ - decay·θ) - rate·m / (√v·correction + ε)
 * with rate = lr / (1-β₁ᵗ), correction = 1 / √(1-β₂ᵗ), decay = lr·λ (0 for plain Adam).
 */
export function adam(
  theta: usize, g: usize, m: usize, v: usize, n: i32,
  beta1: f32, oneMinusBeta1: f32, beta2: f32, oneMinusBeta2: f32,
  rate: f32, correction: f32, epsilon: f32, decay: f32, scale: f32, l2: f32, l1: f32,
): void {
  const scales = f32x4.splat(scale);
  const squares = f32x4.splat(l2);
  const sizes = f32x4.splat(l1);
  const keep1 = f32x4.splat(beta1);
  const take1 = f32x4.splat(oneMinusBeta1);
  const keep2 = f32x4.splat(beta2);
  const take2 = f32x4.splat(oneMinusBeta2);
  const rates = f32x4.splat(rate);
  const corrections = f32x4.splat(correction);
  const tiny = f32x4.splat(epsilon);
  const decays = f32x4.splat(decay);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) {
    const weight = v128.load(theta + i);
    const gradient = descended(weight, v128.load(g + i), scales, squares, sizes);
    const first = blend(keep1, v128.load(m + i), take1, gradient);
    const second = blend(keep2, v128.load(v + i), take2, f32x4.mul(gradient, gradient));
    v128.store(m + i, first);
    v128.store(v + i, second);
    v128.store(theta + i, adamStep(weight, first, second, rates, corrections, tiny, decays));
  }
  for (; i < end; i += 4) {
    const weight = one(theta + i);
    const gradient = descended(weight, one(g + i), scales, squares, sizes);
    const first = blend(keep1, one(m + i), take1, gradient);
    const second = blend(keep2, one(v + i), take2, f32x4.mul(gradient, gradient));
    storeOne(m + i, first);
    storeOne(v + i, second);
    storeOne(theta + i, adamStep(weight, first, second, rates, corrections, tiny, decays));
  }
}

/** x ← factor·x */
export function scale(x: usize, n: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) v128.store(x + i, f32x4.mul(v128.load(x + i), factors));
  for (; i < end; i += 4) storeOne(x + i, f32x4.mul(one(x + i), factors));
}

/** y ← y + a·x */
export function axpy(y: usize, x: usize, n: i32, a: f32): void {
  const factors = f32x4.splat(a);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) {
    v128.store(y + i, f32x4.add(v128.load(y + i), f32x4.mul(factors, v128.load(x + i))));
  }
  for (; i < end; i += 4) storeOne(y + i, f32x4.add(one(y + i), f32x4.mul(factors, one(x + i))));
}

/** Σ x², accumulated in float64 in four fixed lanes: the order never depends on anything but n. */
export function sumSquares(x: usize, n: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) {
    const values = v128.load(x + i);
    const first = f64x2.promote_low_f32x4(values);
    const second = f64x2.promote_low_f32x4(v128.shuffle<f32>(values, values, 2, 3, 2, 3));
    low = f64x2.add(low, f64x2.mul(first, first));
    high = f64x2.add(high, f64x2.mul(second, second));
  }
  const lanes = f64x2.add(low, high);
  let sum: f64 = f64x2.extract_lane(lanes, 0) + f64x2.extract_lane(lanes, 1);
  for (; i < end; i += 4) {
    const value: f64 = <f64>load<f32>(x + i);
    sum += value * value;
  }
  return sum;
}

/** y ← keep·y + take·x */
export function average(y: usize, x: usize, n: i32, keep: f32, take: f32): void {
  const keeps = f32x4.splat(keep);
  const takes = f32x4.splat(take);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) v128.store(y + i, blend(keeps, v128.load(y + i), takes, v128.load(x + i)));
  for (; i < end; i += 4) storeOne(y + i, blend(keeps, one(y + i), takes, one(x + i)));
}

/** x ← min(max(x, -limit), limit); what is not a number stays so. */
export function clamp(x: usize, n: i32, limit: f32): void {
  const high = f32x4.splat(limit);
  const low = f32x4.splat(-limit);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) v128.store(x + i, f32x4.min(f32x4.max(v128.load(x + i), low), high));
  for (; i < end; i += 4) storeOne(x + i, f32x4.min(f32x4.max(one(x + i), low), high));
}

/** sign(x)·max(|x| - threshold, 0), +0 where that is 0 */
@inline
function shrunk(x: v128, thresholds: v128): v128 {
  const size = f32x4.abs(x);
  const rest = v128.or(f32x4.sub(size, thresholds), v128.and(x, i32x4.splat(0x80000000)));
  return v128.and(rest, v128.not(f32x4.le(size, thresholds)));
}

/** x ← sign(x)·max(|x| - threshold, 0) */
export function shrink(x: usize, n: i32, threshold: f32): void {
  const thresholds = f32x4.splat(threshold);
  const split = vectorBytes(n);
  const end = (<usize>n) << 2;
  let i: usize = 0;
  for (; i < split; i += 16) v128.store(x + i, shrunk(v128.load(x + i), thresholds));
  for (; i < end; i += 4) storeOne(x + i, shrunk(one(x + i), thresholds));
}

/** High 32 bits of the products of four unsigned integers with one other. */
@inline
function multiplyHigh(x: v128, factor: v128): v128 {
  const low = i64x2.extmul_low_i32x4_u(x, factor);
  const high = i64x2.extmul_high_i32x4_u(x, factor);
  return v128.shuffle<i32>(low, high, 1, 3, 5, 7);
}

@inline
function storeKept(out: usize, words: v128, thresholds: v128, kept: v128): void {
  v128.store(out, v128.and(kept, i32x4.lt_u(words, thresholds)));
}

/**
 * Sixteen numbers a round, `kept` where a random word is below the threshold, else 0: four blocks of Philox4x32-10 at a time with
 * the counters (block, step, stream0, stream1) and the key (key0, key1), the first words of the four blocks before their second ones.
 * Writes up to the next multiple of 16 numbers.
 */
export function mask(
  out: usize, n: i32, threshold: u32, kept: f32,
  step: i32, stream0: i32, stream1: i32, key0: i32, key1: i32,
): void {
  const thresholds = i32x4.splat(<i32>threshold);
  const values = f32x4.splat(kept);
  const factor0 = i32x4.splat(0xd2511f53);
  const factor1 = i32x4.splat(0xcd9e8d57);
  let blocks = i32x4(0, 1, 2, 3);
  const end = (<usize>n) << 2;
  for (let i: usize = 0; i < end; i += 64) {
    let a = blocks;
    let b = i32x4.splat(step);
    let c = i32x4.splat(stream0);
    let d = i32x4.splat(stream1);
    let k0 = key0;
    let k1 = key1;
    for (let round = 0; round < 10; round++) {
      const high0 = multiplyHigh(a, factor0);
      const low0 = i32x4.mul(a, factor0);
      a = v128.xor(v128.xor(multiplyHigh(c, factor1), b), i32x4.splat(k0));
      b = i32x4.mul(c, factor1);
      c = v128.xor(v128.xor(high0, d), i32x4.splat(k1));
      d = low0;
      k0 += 0x9e3779b9;
      k1 += 0xbb67ae85;
    }
    storeKept(out + i, a, thresholds, values);
    storeKept(out + i + 16, b, thresholds, values);
    storeKept(out + i + 32, c, thresholds, values);
    storeKept(out + i + 48, d, thresholds, values);
    blocks = i32x4.add(blocks, i32x4.splat(4));
  }
}
