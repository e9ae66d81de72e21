/** Curves drawn with box characters: light strokes for one, heavy for another, so that they differ without colour, and where they meet. */
import type { Paint } from "./paint.ts";
import { short } from "./format.ts";

export interface Curve {
  readonly label: string;
  /** One per epoch, from epoch 0. */
  readonly values: readonly number[];
  readonly stroke: "light" | "heavy";
  readonly color: "cyan" | "yellow";
}

/** Places of a cell's four arms in the table below: a light arm counts once, a heavy one twice. */
const [up, right, down, left] = [1, 3, 9, 27];
const weights = { light: 1, heavy: 2 } as const;

/** The character of every combination of arms; corners that are light alone are round. */
const characters =
  " ╵╹╶╰┖╺┕┗╷│╿╭├┞┍┝┡╻╽┃┎┟┠┏┢┣" + // nothing on the left
  "╴╯┚─┴┸╼┶┺╮┤┦┬┼╀┮┾╄┒┧┨┰╁╂┲╆╊" + // a light arm there
  "╸┙┛╾┵┹━┷┻┑┥┩┭┽╃┯┿╇┓┪┫┱╅╉┳╈╋"; // a heavy one

export interface PlotOptions {
  readonly title: string;
  /** Columns of the terminal. */
  readonly width: number;
  readonly height?: number;
  /** An epoch to point at, and what it is. */
  readonly mark?: { readonly at: number; readonly label: string };
  /** What stands below both ends of the axis, where the points are no epochs. */
  readonly ends?: readonly [string, string];
  readonly paint: Paint;
}

/** The curves over the epochs, later curves on top; nothing where there are fewer than two points. */
export function plotCurves(curves: readonly Curve[], options: PlotOptions): string[] {
  const { paint } = options;
  const height = options.height ?? 10;
  const { points, count, low, high } = extent(curves);
  if (points < 2 || count < 2) return [];
  const logarithmic = low > 0 && high / low > 20;
  const scale = logarithmic ? Math.log : (value: number) => value;
  const span = scale(high) - scale(low) || 1;
  const rowOf = (value: number) => Math.round(((scale(high) - scale(value)) / span) * (height - 1));
  const valueAt = (row: number) => {
    const at = scale(high) - (row / (height - 1)) * span;
    return logarithmic ? Math.exp(at) : at;
  };

  const labels = Array.from({ length: height }, (_, row) => (row % 3 === 0 || row === height - 1 ? short(valueAt(row)) : ""));
  const gutter = Math.max(...labels.map((label) => label.length));
  const room = Math.max(10, Math.min(options.width - gutter - 6, 100));
  const width = Math.min(room, points <= room / 2 ? (points - 1) * Math.floor(room / (points - 1)) + 1 : room);
  const columnOf = (epoch: number) => Math.round((epoch / (points - 1)) * (width - 1));

  const cells = Array.from({ length: height }, () => new Array<Cell | undefined>(width).fill(undefined));
  for (const curve of curves) draw(cells, curve, { width, points, rowOf });

  const plotted = cells.map((row, i) => `  ${labels[i]!.padStart(gutter)} ${labels[i] ? "┤" : "│"}${paintCells(row, paint)}`);
  const axis = new Array<string>(width).fill("─");
  if (options.mark) axis[columnOf(options.mark.at)] = paint.bold("▲");
  const legend = [
    ...curves.map(({ label, stroke, color }) => `${paint[color](characters[weights[stroke] * (left + right)]!.repeat(2))} ${label}`),
    ...(options.mark ? [`${paint.bold("▲")} ${options.mark.label}`] : []),
  ];
  const [from, to] = options.ends ?? ["0", `${points - 1} epochs`];
  return [
    `  ${options.title}${logarithmic ? " (logarithmic)" : ""}   ${legend.join("   ")}`,
    ...plotted,
    `  ${" ".repeat(gutter)} └${axis.join("")}`,
    `  ${" ".repeat(gutter)}  ${from}${to.padStart(Math.max(width - from.length, 10))}`,
  ];
}

/** The longest curve, how many values are finite, and their range; loops, since epochs may be more than a call takes arguments. */
function extent(curves: readonly Curve[]): { points: number; count: number; low: number; high: number } {
  let [points, count, low, high] = [0, 0, Infinity, -Infinity];
  for (const { values } of curves) {
    points = Math.max(points, values.length);
    for (const value of values) {
      if (!Number.isFinite(value)) continue;
      count += 1;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return { points, count, low, high };
}

interface Cell {
  /** The sum of its arms. */
  readonly arms: number;
  readonly color: Curve["color"];
}

/** A stroke over what a cell holds: every arm as heavy as the heavier of the two, the later curve's colour. */
function cross(cell: Cell | undefined, arms: number, color: Curve["color"]): Cell {
  const heavier = [up, right, down, left].map((arm) => arm * Math.max(Math.floor((cell?.arms ?? 0) / arm) % 3, Math.floor(arms / arm) % 3));
  return { arms: heavier.reduce((sum, arm) => sum + arm), color };
}

/** A row of cells, each run of one colour painted once. */
function paintCells(row: readonly (Cell | undefined)[], paint: Paint): string {
  const runs: { color: Curve["color"] | undefined; text: string }[] = [];
  for (const cell of row) {
    const last = runs[runs.length - 1];
    const text = characters[cell?.arms ?? 0]!;
    if (last && last.color === cell?.color) last.text += text;
    else runs.push({ color: cell?.color, text });
  }
  if (runs[runs.length - 1]?.color === undefined) runs.pop();
  return runs.map(({ color, text }) => (color ? paint[color](text) : text)).join("");
}

/** Level strokes where a value stays in its row, corners and uprights where it moves. */
function draw(
  cells: (Cell | undefined)[][],
  { values, stroke, color }: Curve,
  { width, points, rowOf }: { width: number; points: number; rowOf: (value: number) => number },
): void {
  const put = (row: number, column: number, arms: number) => {
    if (cells[row]) cells[row][column] = cross(cells[row][column], weights[stroke] * arms, color);
  };
  let before: number | undefined;
  for (let column = 0; column < width; column++) {
    const value = valueAtColumn(values, (column / Math.max(1, width - 1)) * (points - 1));
    if (value === undefined) {
      before = undefined;
      continue;
    }
    const row = rowOf(value);
    if (before === undefined || before === row) put(row, column, left + right);
    else {
      const falls = row > before;
      put(before, column, left + (falls ? down : up));
      put(row, column, right + (falls ? up : down));
      for (let between = Math.min(before, row) + 1; between < Math.max(before, row); between++) put(between, column, up + down);
    }
    before = row;
  }
}

/** Straight lines between the epochs; undefined beyond the last, or where a value is not finite. */
function valueAtColumn(values: readonly number[], epoch: number): number | undefined {
  const left = Math.floor(epoch);
  const from = values[left];
  const to = values[Math.min(left + 1, values.length - 1)];
  if (from === undefined || to === undefined || left > values.length - 1) return undefined;
  const value = from + (epoch - left) * (to - from);
  return Number.isFinite(value) ? value : undefined;
}
