/** A network as a table: layer, output shape, parameters, multiply-adds, initialiser. */
import { formatShape } from "../../ir/shape.ts";
import type { NetworkTable } from "../../nn/describe.ts";
import { counted, grouped } from "./format.ts";
import { columns } from "./lines.ts";
import type { Paint } from "./paint.ts";

export function networkLines({ layers, parameters, multiplyAdds }: NetworkTable, p: Paint): string[] {
  const head = ["layer", "output", "parameters", "multiply-adds", "initialiser", ""].map((cell) => p.dim(cell));
  const cell = (n: number) => (n === 0 ? "" : grouped(n));
  // In the order of computing: layers inside another stand, indented, before it.
  const body = layers.map((row) => {
    const depth = row.name.split("/").length - 1;
    const name = `${"  ".repeat(depth)}${row.name.slice(row.name.lastIndexOf("/") + 1)}`;
    return [
      name,
      formatShape(row.output),
      cell(row.parameters),
      cell(row.multiplyAdds),
      row.initializers.join(", "),
      p.dim(row.description),
    ];
  });
  return columns([
    head,
    ...body,
    [p.bold(counted(layers.length, "layer")), "", grouped(parameters), grouped(multiplyAdds), p.dim("of one example"), ""],
  ]);
}
