/** Figures in findings: shares with their intervals, probabilities, lists. */
import { short } from "../util/format.ts";
import type { Interval } from "../util/statistics.ts";

/** `9.5 %` */
export const percent = (share: number): string => `${digits(100 * share)} %`;

/** `9.5 % (8.6 – 10.4)`, of a 95 % interval. */
export const shareOf = ({ value, low, high }: Interval): string => `${percent(value)} (${digits(100 * low)} – ${digits(100 * high)})`;

/** `+3.1 points (+2.0 – +4.2)` */
export function pointsOf({ value, low, high }: Interval): string {
  return `${signed(100 * value)} points (${signed(100 * low)} – ${signed(100 * high)})`;
}

/** `p = 0.03`, `p < 10⁻⁶` */
export const chance = (p: number): string => (p < 1e-6 ? "p < 10⁻⁶" : `p = ${short(p)}`);

/** `a, b, c and 4 more` */
export function listed(names: readonly string[], most = 5): string {
  return names.length <= most ? names.join(", ") : `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}

const digits = (value: number): string => (Math.abs(value) < 0.095 && value !== 0 ? value.toFixed(2) : value.toFixed(1)).replace(/^-/, "−");
const signed = (value: number): string => (value < 0 ? digits(value) : `+${digits(value)}`);
