/** All parameters as views into one vector θ (the lecture's "reshape into one big vector"). */
import { input, type Value } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { rng } from "../util/rng.ts";
import { initializerOf } from "./initializers/index.ts";
import type { Parameter } from "./layer.ts";
import { buildNetwork, type Network } from "./network.ts";

/** Where a parameter lies in θ, in elements. */
export interface Slot extends Parameter {
  readonly offset: number;
  readonly size: number;
}

export interface ParameterLayout {
  /** Those that the gradient changes first, then frozen ones, then buffers. */
  readonly slots: readonly Slot[];
  /** Elements of θ. */
  readonly size: number;
  /** Elements that the gradient changes: the front of θ. */
  readonly trainable: number;
}

/** θ, its gradient and two vectors of an optimizer share one WebAssembly memory of 4 GiB. */
const mostParameters = 250_000_000;

/**
 * The parameters of a network on inputs of a shape (without the batch axis), laid out one after the other.
 * @param options.frozen whether a parameter, by name, stays as it is
 */
export function layoutParameters(
  network: Network,
  inputShape: readonly number[],
  { frozen = () => false }: { readonly frozen?: (name: string) => boolean } = {},
): ParameterLayout {
  const x = input("x", "float32", ["batch", ...inputShape]);
  const { parameters } = buildNetwork(network, x, parameterInput);
  const rank = (parameter: Parameter) => (isBuffer(parameter) ? 2 : parameter.frozen || frozen(parameter.name) ? 1 : 0);
  let offset = 0;
  let trainable = 0;
  const slots = parameters
    .toSorted((a, b) => rank(a) - rank(b))
    .map((parameter) => {
      const slot = { ...parameter, offset, size: sizeOf(parameter.shape) };
      offset += slot.size;
      if (rank(parameter) === 0) trainable = offset;
      return slot;
    });
  if (offset > mostParameters) {
    const largest = slots.reduce((a, b) => (b.size > a.size ? b : a));
    throw new GradusError(
      `the network has ${offset} parameters, ${largest.size} of them in ${largest.name}; at most ${mostParameters} fit.`,
      {
        hint: "fewer units, or fewer inputs",
      },
    );
  }
  return { slots, size: offset, trainable };
}

/** Whether a training step changes it by the layer's own rule. */
export function isBuffer({ role, frozen }: Parameter): boolean {
  return role === "buffer" && !frozen;
}

/** Whether the gradient changes a slot. */
export function isTrainable({ trainable }: ParameterLayout, slot: Slot): boolean {
  return slot.offset < trainable;
}

/** A parameter as a graph input under its own name. */
export function parameterInput(parameter: Parameter): Value {
  return input(parameter.name, "float32", parameter.shape);
}

/** A tensor per parameter, over the memory of a vector. */
export function parameterViews(layout: ParameterLayout, vector: Float32Array): Record<string, Tensor> {
  return Object.fromEntries(
    layout.slots.map(({ name, shape, offset, size }) => [name, tensor("float32", vector.subarray(offset, offset + size), shape)]),
  );
}

/** Fills θ: each parameter by its initialiser from a random stream of its own name, so that one layer's draw leaves the others alone. */
export function initializeParameters(layout: ParameterLayout, theta: Float32Array, seed: number): void {
  for (const slot of layout.slots) {
    const view = theta.subarray(slot.offset, slot.offset + slot.size);
    initializerOf(slot.initializer).fill(view, slot, rng(seed, `initialize ${slot.name}`));
  }
}
