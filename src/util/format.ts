/** Numbers as people read them. */
import type { Interval } from "./statistics.ts";

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

/** `0.8 s`, `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}

/** How a metric is written: as a share in per cent, or as a number. */
export type Unit = "share" | "number";

/** Metrics that are shares of examples. */
export function unitOf(metric: string): Unit {
  return metric === "error" ? "share" : "number";
}

/** Decimals that the interval's half-width supports: of a share one or two, of a number as many as show two digits of it. */
function decimals({ low, high }: Interval, unit: Unit): number {
  const half = ((high - low) / 2) * (unit === "share" ? 100 : 1);
  const known = Number.isFinite(half) && half > 0;
  if (unit === "share") return known && half < 0.1 ? 2 : 1;
  return known ? Math.min(8, Math.max(0, 1 - Math.floor(Math.log10(half)))) : 3;
}

/** A value and its interval, to the digits the interval supports. */
export function formatInterval(interval: Interval, unit: Unit): { value: string; range: string } {
  const scale = unit === "share" ? 100 : 1;
  const places = decimals(interval, unit);
  const write = (value: number) => {
    const scaled = value * scale;
    if (!Number.isFinite(scaled)) return short(scaled);
    const fixed = Math.abs(scaled).toFixed(places);
    const [integer, fraction] = fixed.split(".") as [string, string?];
    return `${scaled < 0 && Number(fixed) !== 0 ? "−" : ""}${grouped(Number(integer))}${fraction ? `.${fraction}` : ""}`;
  };
  return { value: `${write(interval.value)}${unit === "share" ? " %" : ""}`, range: `${write(interval.low)} – ${write(interval.high)}` };
}
