/** A data file at a glance, as lines: a row per column with its distribution, then what looks odd. */
import type { ColumnProfile, DataProfile, Distribution } from "../../data/column-profile.ts";
import { counted, grouped, short } from "./format.ts";
import { columns, line } from "./lines.ts";
import { plain, type Paint } from "./paint.ts";

const levels = "▁▂▃▄▅▆▇█";

export function profileLines(profile: DataProfile, width: number, p: Paint): string[] {
  const { path, rows, duplicates, notes, skipped = [] } = profile;
  const facts = [
    `${grouped(rows)} rows`,
    counted(profile.columns.length, "column"),
    ...(duplicates > 0 ? [`${grouped(duplicates)} rows repeat an earlier one`] : []),
  ];
  const head = ["column", "type", "missing", "distinct", "smallest, quartiles, largest", "distribution"].map((cell) => p.dim(cell));
  const body = profile.columns.map((column) => [
    cut(column.name, 28),
    column.type,
    column.missing === 0 ? "" : grouped(column.missing),
    grouped(column.distinct),
    ...figures(column, p),
  ]);
  const odd = profile.columns.flatMap(({ name, remarks }) => remarks.map((remark) => line(cut(name, 16), remark, width)));
  return [
    ...[line(p.bold(path.split(/[\\/]/).pop()!), facts.join(" · "), width), ...notes.map((note) => line("", p.dim(note), width))],
    ...skipped
      .slice(0, 20)
      .map(({ file, line: at, reason }) => line("", p.dim(`left out: ${at === 0 ? reason : `${file}, line ${at}: ${reason}`}`), width)),
    "",
    ...fitting([head, ...body], width),
    ...(odd.length > 0 ? ["", `  ${p.bold("odd")}`, ...odd] : []),
  ];
}

/** What a narrow screen can do without, first to last: figures, types, how many are distinct. */
function fitting(rows: readonly (readonly string[])[], width: number): string[] {
  let lines: string[] = [];
  for (const without of [[], [4], [4, 1], [4, 1, 3]]) {
    lines = columns(rows.map((row) => row.filter((_, i) => !without.includes(i))));
    if (lines.every((text) => plain(text).length <= width)) return lines;
  }
  return lines;
}

function figures({ type, numbers, distribution }: ColumnProfile, p: Paint): string[] {
  if (!distribution) return ["", ""];
  if (distribution.kind === "texts") return ["", texts(distribution, p)];
  const { min, quartiles, max } = numbers!;
  const [low, ...rest] = [min, ...quartiles, max].map((value) => amount(value, type));
  return [`${low} │ ${rest.slice(0, 3).join("  ")} │ ${rest[3]}`, bars(distribution)];
}

/** A bar per bin, highest where most values are; empty bins are empty. */
function bars({ counts, clipped }: Extract<Distribution, { kind: "bins" }>): string {
  const most = Math.max(...counts);
  const drawn = counts.map((count) => (count === 0 ? " " : levels[Math.min(7, Math.floor((8 * count) / most))]!)).join("");
  return clipped ? `…${drawn}…` : drawn;
}

function texts({ texts: all, others }: Extract<Distribution, { kind: "texts" }>, p: Paint): string {
  const total = all.reduce((sum, { rows }) => sum + rows, 0) + others;
  const shown = all.slice(0, 3).map(({ text, rows }) => `${cut(text, 18)} ${p.dim(percent(rows / total))}`);
  const kinds = all.length - 3;
  return `${shown.join(", ")}${kinds > 0 || others > 0 ? p.dim(", …") : ""}`;
}

const percent = (share: number): string => `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function amount(value: number, type: ColumnProfile["type"]): string {
  if (type === "date" || type === "date and time") return new Date(value * 1000).toISOString().slice(0, 10);
  if (type === "time") return new Date(value * 1000).toISOString().slice(11, 16);
  return type === "whole number" && Number.isInteger(value) && Math.abs(value) < 1e7
    ? Math.abs(value) < 10_000
      ? String(value)
      : grouped(value)
    : short(value);
}
