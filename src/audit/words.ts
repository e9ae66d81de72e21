/** Figures in findings: shares with their intervals, probabilities, lists. */
import { short } from "../util/format.ts";
import type { Interval } from "../util/statistics.ts";

/** `9.5 %` */
export const percent = (share: number): string => `${fixed(100 * share, decimalsOf(share))} %`;

/** `9.5 % (8.6 – 10.4)`, of a 95 % interval. */
export function shareOf({ value, low, high }: Interval): string {
  const places = decimalsOf((high - low) / 2);
  return `${fixed(100 * value, places)} % (${fixed(100 * low, places)} – ${fixed(100 * high, places)})`;
}

/** `+3.1 points (+2.0 – +4.2)` */
export function pointsOf({ value, low, high }: Interval): string {
  const places = decimalsOf((high - low) / 2);
  const signed = (x: number) => `${x < 0 ? "" : "+"}${fixed(100 * x, places)}`;
  return `${signed(value)} points (${signed(low)} – ${signed(high)})`;
}

/** `p = 0.03`, `p < 10⁻⁶` */
export const chance = (p: number): string => (p < 1e-6 ? "p < 10⁻⁶" : `p = ${short(p)}`);

/** `a, b, c and 4 more` */
export function listed(names: readonly string[], most = 5): string {
  return names.length <= most ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

/** Of per cent: two where a tenth would say little. */
const decimalsOf = (share: number): number => (share !== 0 && Math.abs(share) < 0.002 ? 2 : 1);
const fixed = (value: number, places: number): string => value.toFixed(places).replace(/^-/, "−");
