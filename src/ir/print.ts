/** Graphs as readable text, one node a line. */
import { isGraph, nameValues, type Attribute, type Graph, type Value } from "./graph.ts";
import { formatShape } from "./shape.ts";

/** `%y: float32[batch, 10] = MatMul(%x, %w)`, inputs first, outputs last. */
export function printGraph(root: Graph): string {
  const names = nameValues(root);
  const reference = (value: Value | null): string => {
    if (value === null) return "_";
    if (value.origin.kind === "constant" && value.origin.tensor.data.length <= 8) {
      return `${value.dtype}${value.shape.length ? formatShape(value.shape) : ""}(${[...value.origin.tensor.data].join(", ")})`;
    }
    return `%${names.get(value) ?? value.name ?? "?"}`;
  };
  const typed = (value: Value) => `%${names.get(value)}: ${value.dtype}${formatShape(value.shape)}`;
  const attributeText = (attribute: Attribute, indent: string): string => {
    if (typeof attribute === "number") return String(attribute);
    if (typeof attribute === "string") return JSON.stringify(attribute);
    if (isGraph(attribute)) return `{\n${lines(attribute, `${indent}  `).join("\n")}\n${indent}}`;
    if ("dtype" in attribute) return `${attribute.dtype}${formatShape(attribute.shape)}`;
    return `[${attribute.join(", ")}]`;
  };
  const lines = (part: Graph, indent: string): string[] => [
    `${indent}inputs ${part.inputs.map(typed).join(", ")}`,
    ...part.nodes.map((node) => {
      const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}=${attributeText(value, indent)}`);
      const call = [...node.inputs.map(reference), ...attributes].join(", ");
      return `${indent}${node.outputs.map(typed).join(", ")} = ${node.op}(${call})`;
    }),
    `${indent}outputs ${part.outputs.map(({ name, value }) => `${name} = ${reference(value)}`).join(", ")}`,
  ];
  return lines(root, "").join("\n");
}
