/** Conditions as numbers: in ONNX Runtime a product with a cast condition is faster than Where. */
import { scalar, type Value } from "../ir/graph.ts";
import type { Ops } from "./build.ts";

/** 1 where a condition holds and 0 elsewhere, in the dtype of `like`. */
export function indicator(ops: Ops, condition: Value, like: Value): Value {
  return ops.Cast(condition, { to: like.dtype });
}

/** `yes` where a condition holds, else `no`; numbers get the dtype of `like`. */
export function choose(ops: Ops, condition: Value, yes: Value | number, no: Value | number, like: Value): Value {
  const value = (operand: Value | number) => (typeof operand === "number" ? scalar(like.dtype, operand) : operand);
  return ops.Where(condition, value(yes), value(no));
}
