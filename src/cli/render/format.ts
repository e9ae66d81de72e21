/** Numbers as people read them in a terminal. */
import { grouped, minus, short } from "../../util/format.ts";
import type { Interval } from "../../util/statistics.ts";

export { counted, grouped, short } from "../../util/format.ts";

/** Three significant digits, always three, so that a number which changes keeps its width. */
export function steady(value: number): string {
  const size = Math.abs(value);
  return Number.isFinite(value) && size >= 1e-4 && size < 1000 ? minus(value.toPrecision(3)) : short(value);
}

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

/** `18.9 %` for a share, three digits for a number. */
export function formatFigure(value: number, unit: Unit): string {
  return unit === "share" ? `${(100 * value).toFixed(1)} %` : steady(value);
}
