/** The shape of every report: a label column, then text; and small aligned tables. */
import { plain } from "./paint.ts";

const labelWidth = 17;

/** `  label            text`, wrapped at ` · ` or spaces with the text kept in its column. */
export function line(label: string, text: string, width = Infinity): string {
  const room = Math.max(30, width - 2 - labelWidth);
  const indent = " ".repeat(2 + labelWidth);
  return wrap(text, room)
    .map((part, i) => (i === 0 ? `  ${pad(label, labelWidth)}${part}` : `${indent}${part}`))
    .join("\n");
}

function wrap(text: string, room: number): string[] {
  if (plain(text).length <= room) return [text];
  const lines = [""];
  for (const word of text.split(/ (?!%)/)) {
    const last = lines[lines.length - 1]!;
    if (last !== "" && plain(last).length + 1 + plain(word).length > room) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}

/** Fills with spaces to a width, ANSI codes not counted; at least one space follows. */
export function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(1, width - plain(text).length));
}

/**
 * Rows of cells under each other, the columns wide enough for all; the first is the label column. A row that is shorter than the
 * others ends in free text, which widens nothing.
 */
export function columns(rows: readonly (readonly string[])[]): string[] {
  const most = Math.max(...rows.map((row) => row.length));
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      if (i < row.length - 1 || row.length === most) widths[i] = Math.max(widths[i] ?? 0, plain(cell).length);
    });
  }
  const widthOf = (i: number) => (i === 0 ? Math.max(labelWidth, widths[0]! + 2) : (widths[i] ?? 0) + 4);
  return rows.map((row) => `  ${row.map((cell, i) => (i === row.length - 1 ? cell : pad(cell, widthOf(i)))).join("")}`.trimEnd());
}
