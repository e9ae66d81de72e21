/** The operator sets of our files, and how operators of others become those. */
import { registry } from "../ops/build.ts";
import { operatorFacts } from "./operators.ts";
import { upgrades } from "./upgrades/index.ts";
import type { Rewrite } from "./upgrades/upgrade.ts";

/** Domains and the version we write. */
export const opsets: Readonly<Record<string, number>> = { "": 17, "ai.onnx.ml": 3 };

/** The newest version whose operators are known here: none of ours has changed its meaning until then but those with an upgrade. */
export const newest: Readonly<Record<string, number>> = { "": 26, "ai.onnx.ml": 5 };

/** Whether an operator of a model's opset means at ours what it meant there. */
function isUnchanged(domain: string, op: string, version: number): boolean {
  const facts = Object.hasOwn(operatorFacts, domain) ? operatorFacts[domain]! : {};
  return Object.hasOwn(facts, op) && version >= facts[op]![0] && version <= newest[domain]!;
}

/** How a node of a file becomes ours: as it is, by rewriting it, or not: `unknown` here, or known and `changed`. */
export type Way = "same" | "unknown" | "changed" | Rewrite;

/** @param domain "" for ai.onnx */
export function wayOf(domain: string, op: string, version: number): Way {
  const ours = Object.hasOwn(registry, op) && (registry[op]!.domain ?? "") === domain;
  const table = Object.hasOwn(upgrades, domain) ? upgrades[domain]! : {};
  const rows = Object.hasOwn(table, op) ? table[op]! : [];
  const row = rows.find(({ from, to = newest[domain]!, fallback }) => version >= from && version <= to && !(fallback && ours));
  if (row) return (row.uses ?? []).every((name) => Object.hasOwn(registry, name)) ? row.rewrite : "unknown";
  if (!ours) return rows.some(({ uses = [] }) => uses.every((name) => Object.hasOwn(registry, name))) ? "changed" : "unknown";
  return isUnchanged(domain, op, version) ? "same" : "changed";
}

/** `ai.onnx` is another name of "". */
export function domainOf(domain: string): string {
  return domain === "ai.onnx" ? "" : domain;
}
