/** float16 as its bits, for machines without Float16Array. */

/** The number that a float16's bits stand for. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/** The nearest float16, ties to even, as its bits. */
export function numberToHalf(x: number): number {
  if (Number.isNaN(x)) return 0x7e00;
  const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
  const size = Math.abs(x);
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const scaled = size * 2 ** (10 - exponent); // in units of the last place: below 2048, and below 1024 where subnormal
  const below = Math.floor(scaled);
  const rest = scaled - below;
  const units = rest > 0.5 || (rest === 0.5 && below % 2 === 1) ? below + 1 : below;
  // Where rounding fills the fraction, it carries into the exponent by itself.
  return sign | (units < 1024 ? units : ((exponent + 15) << 10) + units - 1024);
}
