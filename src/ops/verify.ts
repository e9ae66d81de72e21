/** The verifier: does every node say of its outputs what its operator infers, and does order hold? */
import { dependencies, isGraph, type Graph, type Value } from "../ir/graph.ts";
import { formatShape, isUnknown, type Dim } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";
import { inferContext, opRecord } from "./build.ts";

/** @throws GradusError naming the first node that is wrong */
export function verifyGraph(graph: Graph, outer: ReadonlySet<Value> = new Set()): void {
  const ready = new Set<Value>([...outer, ...graph.inputs]);
  const isReady = (value: Value) => value.origin.kind === "constant" || ready.has(value);
  for (const node of graph.nodes) {
    for (const value of dependencies(node)) {
      if (!isReady(value)) throw new GradusError(`${node.op} reads a value that no earlier node makes`);
    }
    const inferred = opRecord(node.op).infer(inferContext(node.op, node.inputs, node.attributes));
    node.outputs.forEach((value, i) => {
      const type = inferred[i];
      const same = type && type.dtype === value.dtype && type.shape.length === value.shape.length;
      if (!same || !type.shape.every((dim, axis) => compatible(dim, value.shape[axis]!))) {
        const found = `${value.dtype}${formatShape(value.shape)}`;
        throw new GradusError(`${node.op} output ${i} is ${found}, inference says ${type ? type.dtype + formatShape(type.shape) : "none"}`);
      }
      ready.add(value);
    });
    for (const attribute of Object.values(node.attributes)) if (isGraph(attribute)) verifyGraph(attribute, new Set(attribute.captures));
  }
  for (const { name, value } of graph.outputs) {
    if (!isReady(value)) throw new GradusError(`output "${name}" is made by no node`);
  }
}

/** Equal, or unknown on either side (every inference names unknown sizes anew). */
function compatible(a: Dim, b: Dim): boolean {
  return a === b || isUnknown(a) || isUnknown(b);
}
