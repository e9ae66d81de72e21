/** Numbers as people read them in a terminal. */
import { minus, short, type Unit } from "../../util/format.ts";

export { counted, duration, formatInterval, grouped, short, unitOf, type Unit } from "../../util/format.ts";

/** Three significant digits, always three, so that a number which changes keeps its width. */
export function steady(value: number): string {
  const size = Math.abs(value);
  return Number.isFinite(value) && size >= 1e-4 && size < 1000 ? minus(value.toPrecision(3)) : short(value);
}

/** `18.9 %` for a share, three digits for a number. */
export function formatFigure(value: number, unit: Unit): string {
  return unit === "share" ? `${(100 * value).toFixed(1)} %` : steady(value);
}
