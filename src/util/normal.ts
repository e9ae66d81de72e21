/** The normal distribution: cdf (Cody 1969) and quantile (Wichura's AS 241), on a logarithm of our own so that every platform agrees. */

const LN2_HIGH = 6.9314718036912381649e-1;
const LN2_LOW = 1.90821492927058770002e-10;
const bits = new DataView(new ArrayBuffer(8));

/**
 * Natural logarithm of a positive normal number, by additions, multiplications and one division only (the method of fdlibm's `e_log.c`):
 * `Math.log` may differ between engines in the last bit, and random numbers must not.
 */
export function portableLog(x: number): number {
  bits.setFloat64(0, x);
  const high = bits.getInt32(0);
  let exponent = (high >>> 20) - 1023;
  const fraction = high & 0xfffff;
  const up = (fraction + 0x95f64) & 0x100000;
  bits.setInt32(0, fraction | (up ^ 0x3ff00000));
  exponent += up >>> 20;
  const f = bits.getFloat64(0) - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const odd = z * (0.6666666666666735 + w * (0.2857142874366239 + w * (0.1818357216161805 + w * 0.14798198605116586)));
  const even = w * (0.3999999999940942 + w * (0.22222198432149784 + w * 0.15313837699209373));
  const half = 0.5 * f * f;
  return exponent * LN2_HIGH - (half - (s * (half + odd + even) + exponent * LN2_LOW) - f);
}

const polynomial = (coefficients: readonly number[], x: number): number => {
  let sum = 0;
  for (let i = coefficients.length - 1; i >= 0; i--) sum = sum * x + coefficients[i]!;
  return sum;
};

const CENTRE_P = [
  3.387132872796366608, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125, 45921.953931549871457, 67265.770927008700853,
  33430.575583588128105, 2509.0809287301226727,
];
const CENTRE_Q = [
  1, 42.313330701600911252, 687.1870074920579083, 5394.1960214247511077, 21213.794301586595867, 39307.89580009271061, 28729.085735721942674,
  5226.495278852854561,
];
const MIDDLE_P = [
  1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504, 1.27045825245236838258,
  2.4178072517745061177e-1, 2.27238449892691845833e-2, 7.7454501427834140764e-4,
];
const MIDDLE_Q = [
  1, 2.05319162663775882187, 1.6763848301838038494, 6.8976733498510000455e-1, 1.4810397642748007459e-1, 1.51986665636164571966e-2,
  5.475938084995344946e-4, 1.05075007164441684324e-9,
];
const TAIL_P = [
  6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 2.9656057182850489123e-1, 2.6532189526576123093e-2,
  1.2426609473880784386e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
];
const TAIL_Q = [
  1, 5.9983220655588793769e-1, 1.3692988092273580531e-1, 1.48753612908506148525e-2, 7.868691311456132591e-4, 1.8463183175100546818e-5,
  1.4215117583164458887e-7, 2.04426310338993978564e-15,
];

/** The x with P(X ≤ x) = p for a standard normal X; ±∞ at 1 and 0, NaN outside. Relative error about 10⁻¹⁶ (AS 241). */
export function standardNormalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? -Infinity : p === 1 ? Infinity : NaN;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) {
    const r = 0.180625 - q * q;
    return (q * polynomial(CENTRE_P, r)) / polynomial(CENTRE_Q, r);
  }
  const r = Math.sqrt(-portableLog(q < 0 ? p : 1 - p));
  const x = r <= 5 ? polynomial(MIDDLE_P, r - 1.6) / polynomial(MIDDLE_Q, r - 1.6) : polynomial(TAIL_P, r - 5) / polynomial(TAIL_Q, r - 5);
  return q < 0 ? -x : x;
}

const A = [18154.981253343561249, 1067.6894854603709582, 161.02823106855587881, 2.2352520354606839287, 0.065682337918207449113];
const B = [45507.789335026729956, 10260.932208618978205, 976.09855173777669322, 47.20258190468824187, 1];
const C = [
  9842.7148383839780218, 11602.651437647350124, 6848.1904505362823326, 2494.5375852903726711, 597.27027639480026226, 93.506656132177855979,
  8.8831497943883759412, 0.39894151208813466764, 1.0765576773720192317e-8,
];
const D = [
  19685.429676859990727, 38912.003286093271411, 34900.952721145977266, 18615.571640885098091, 6485.558298266760755, 1519.377599407554805,
  235.38790178262499861, 22.266688044328115691, 1,
];
const P = [
  2.9112874951168792e-5, 0.001421619193227893466, 0.022235277870649807, 0.1274011611602473639, 0.21589853405795699, 0.02307344176494017303,
];
const Q = [7.29751555083966205e-5, 0.00378239633202758244, 0.0659881378689285515, 0.468238212480865118, 1.28426009614491121, 1];

/** P(X ≤ x) for a standard normal X; relative error about 10⁻¹⁵ in both tails (Cody's rational approximations). */
export function standardNormalCdf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const y = Math.abs(x);
  if (y <= 0.67448975) return 0.5 + (x * polynomial(A, x * x)) / polynomial(B, x * x);
  if (y > 40) return x < 0 ? 0 : 1;
  let ratio: number;
  if (y <= 5.656854249492380195) ratio = polynomial(C, y) / polynomial(D, y);
  else {
    const z = 1 / (x * x);
    const series = (z * polynomial(P, z)) / polynomial(Q, z);
    ratio = (0.398942280401432677939946 - series) / y;
  }
  // exp(−y²/2) with the square split, so that its rounding does not spoil the tail.
  const coarse = Math.trunc(y * 16) / 16;
  const tail = Math.exp(-coarse * coarse * 0.5) * Math.exp(-(y - coarse) * (y + coarse) * 0.5) * ratio;
  return x < 0 ? tail : 1 - tail;
}
