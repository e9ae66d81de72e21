/** The operator sets of our files, and which others mean the same. */
import { operatorFacts } from "./operators.ts";

/** Domains and the version we write. */
export const opsets: Readonly<Record<string, number>> = { "": 17, "ai.onnx.ml": 3 };

/** Whether an operator of a model's opset means at ours what it meant there. */
export function isUnchanged(domain: string, op: string, version: number): boolean {
  const facts = operatorFacts[domain]?.[op];
  return facts !== undefined && version >= facts[0] && version <= opsets[domain]!;
}
