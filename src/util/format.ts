/** Numbers as people read them. */

/** Thousands apart: 7043 → `7 043`. */
export function grouped(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, " ");
}

/** `1 row`, `2 rows`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${grouped(n)} ${n === 1 ? one : many}`;
}

/** Three significant digits without an exponent where that is readable. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e15)) return power(value);
  if (size >= 1000) return (value < 0 ? "−" : "") + grouped(size);
  return minus(String(Number(value.toPrecision(3))));
}

/** `3·10⁻⁵` */
function power(value: number): string {
  const [digits, exponent] = value.toExponential(1).split("e") as [string, string];
  const raised = [...String(Number(exponent))].map((c) => (c === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(c)]!)).join("");
  return `${minus(digits.replace(/\.0$/, ""))}·10${raised}`;
}

/** A true minus sign. */
export const minus = (text: string) => text.replace(/^-/, "−");
