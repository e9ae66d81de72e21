/** One value of a table as text. */
import type { Column, ImageColumn } from "../data/table.ts";

/** A value as people read it; a date as its day, an image as its size. */
export function cellText(column: Column, row: number): string {
  switch (column.kind) {
    case "numeric": {
      const value = column.values[row]!;
      if (Number.isNaN(value)) return "missing";
      if (column.sqlType === "DATE") return new Date(value * 1000).toISOString().slice(0, 10);
      return String(Number(value.toPrecision(7)));
    }
    case "categorical":
      return column.categories[column.codes[row]!] ?? "missing";
    case "sequence": {
      const { offsets, values, width, tokens } = column;
      const steps = Array.from(values.subarray(offsets[row]! * width, offsets[row + 1]! * width)).slice(0, 40);
      return tokens ? steps.map((at) => tokens[at] ?? "?").join(tokens.some((token) => token.length > 1) ? " " : "") : steps.join(" ");
    }
    case "image":
      return imageKey(column, row);
  }
}

const imageKey = ({ heights, widths }: ImageColumn, row: number) => `${widths[row]}×${heights[row]}`;
