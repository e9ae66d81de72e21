/** Trigonometric and hyperbolic functions and their inverses. */
import type { Op } from "./op.ts";
import { within } from "./samples.ts";
import { unary } from "./unary.ts";

const between = (low: number, high: number) => [{ inputs: [within([3, 4], low, high)] }, { inputs: [within([], low, high)] }];

export const Sin: Op = unary(Math.sin, ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Mul(dy, ops.Cos(x!))]);

export const Cos: Op = unary(Math.cos, ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Mul(dy, ops.Neg(ops.Sin(x!)))]);

export const Tan: Op = unary(
  Math.tan,
  ({ ops, outputs: [y], outputGradients: [dy] }) => [ops.Mul(dy, ops.Add(ops.Mul(y!, y!), 1))], // 1 + tan²
  between(-1, 1),
);

export const Asin: Op = unary(
  Math.asin,
  ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Div(dy, ops.Sqrt(ops.Sub(1, ops.Mul(x!, x!))))], // 1/√(1 - x²)
  between(-0.8, 0.8),
);

export const Acos: Op = unary(
  Math.acos,
  ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Neg(ops.Div(dy, ops.Sqrt(ops.Sub(1, ops.Mul(x!, x!)))))],
  between(-0.8, 0.8),
);

export const Atan: Op = unary(Math.atan, ({ ops, inputs: [x], outputGradients: [dy] }) => [
  ops.Div(dy, ops.Add(ops.Mul(x!, x!), 1)), // 1/(1 + x²)
]);

export const Sinh: Op = unary(Math.sinh, ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Mul(dy, ops.Cosh(x!))]);

export const Cosh: Op = unary(Math.cosh, ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Mul(dy, ops.Sinh(x!))]);

/** Hyperbolic tangent. */
export const Tanh: Op = unary(Math.tanh, ({ ops, outputs: [y], outputGradients: [dy] }) => [
  ops.Mul(dy, ops.Sub(1, ops.Mul(y!, y!))), // 1 - tanh²
]);

export const Asinh: Op = unary(Math.asinh, ({ ops, inputs: [x], outputGradients: [dy] }) => [
  ops.Div(dy, ops.Sqrt(ops.Add(ops.Mul(x!, x!), 1))), // 1/√(x² + 1)
]);

export const Acosh: Op = unary(
  Math.acosh,
  ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Div(dy, ops.Sqrt(ops.Sub(ops.Mul(x!, x!), 1)))], // 1/√(x² - 1)
  between(1.5, 4),
);

export const Atanh: Op = unary(
  Math.atanh,
  ({ ops, inputs: [x], outputGradients: [dy] }) => [ops.Div(dy, ops.Sub(1, ops.Mul(x!, x!)))], // 1/(1 - x²)
  between(-0.8, 0.8),
);
