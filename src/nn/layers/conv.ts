/** Convolution over one or two spatial axes, channels first, as ONNX has it. */
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import { activations } from "../activation.ts";
import type { Initializer } from "../initializer.ts";
import { chosenInitializer, type InitializerChoice, type InitializerName } from "../initializers/index.ts";
import type { LayerDefinition } from "../layer.ts";
import { checkCount, knownSizes, perAxis } from "./numbers.ts";

interface ConvOptions {
  /** 3 where left out. */
  readonly kernel?: number | readonly number[];
  /** 1 where left out. */
  readonly stride?: number | readonly number[];
  /** "same" keeps the size at stride 1 (as ONNX's SAME_UPPER); "valid" takes whole windows only. "same" where left out. */
  readonly padding?: "same" | "valid";
  readonly dilation?: number | readonly number[];
  readonly groups?: number;
  /** False where a normalisation follows, which would take a bias away again. */
  readonly bias?: boolean;
}

export interface Conv extends ConvOptions {
  readonly kind: "conv";
  readonly filters: number;
  readonly initializer?: InitializerName | Initializer;
}

/**
 * `conv(32, { kernel: 3 })`: [batch, channels, (height,) width] → [batch, 32, …]; W is [32, channels/groups, …kernel], b is [32].
 * @throws GradusError where an initialiser of your own has the name of another
 */
export function conv(filters: number, { initializer, ...options }: ConvOptions & { readonly initializer?: InitializerChoice } = {}): Conv {
  return { kind: "conv", filters, ...options, ...(initializer === undefined ? {} : { initializer: chosenInitializer(initializer) }) };
}

const product = (sizes: readonly number[]) => sizes.reduce((a, b) => a * b, 1);

export const convLayer: LayerDefinition<Conv> = {
  kind: "conv",
  build(layer, x, { name, nextActivation, parameter }) {
    const { filters, kernel = 3, stride = 1, padding = "same", dilation = 1, groups = 1, bias = true } = layer;
    const [channels, ...space] = knownSizes(name, x, "[batch, channels, width] or [batch, channels, height, width]", [3, 4]);
    checkCount(name, "filters", filters);
    checkCount(name, "groups", groups);
    const [kernels, strides, dilations] = [kernel, stride, dilation].map((value) => perAxis(value, space.length));
    for (const size of kernels!) checkCount(name, "a kernel of", size);
    for (const size of strides!) checkCount(name, "a stride of", size);
    for (const size of dilations!) checkCount(name, "a dilation of", size);
    if (kernels!.length !== space.length) {
      throw new GradusError(`${name} has a kernel of ${kernels!.length} axes over an input of ${space.length}`);
    }
    if (channels! % groups !== 0 || filters % groups !== 0) {
      throw new GradusError(`${name} has ${groups} groups, which must divide its ${channels} channels and ${filters} filters`);
    }
    const shape = [filters, channels! / groups, ...kernels!];
    const fans = { fanIn: product(shape.slice(1)), fanOut: (filters / groups) * product(kernels!), rows: filters };
    const initializer = layer.initializer ?? activations[nextActivation].initializer;
    const w = parameter({ name: "W", shape, role: "weight", initializer, ...fans });
    const b = bias ? parameter({ name: "b", shape: [filters], role: "bias", initializer: "zeros", ...fans }) : null;
    return ops.Conv(x, w, b, {
      kernel_shape: kernels!,
      strides: strides!,
      dilations: dilations!,
      group: groups,
      pads: pads(space, { kernels: kernels!, strides: strides!, dilations: dilations!, padding }),
    });
  },
  describe: ({ filters, kernel = 3, stride = 1 }) => {
    const size = typeof kernel === "number" ? `${kernel}` : kernel.join("×");
    return `${filters} filters, kernel ${size}${String(stride) === "1" ? "" : `, stride ${String(stride)}`}`;
  },
};

export interface Windows {
  readonly kernels: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: "same" | "valid";
}

/** Zeros before and after each axis: for "same", ⌈size/stride⌉ windows, the odd one behind. */
export function pads(space: readonly number[], { kernels, strides, dilations, padding }: Windows): number[] {
  const all = space.map((size, axis) => {
    if (padding === "valid") return 0;
    const reach = (kernels[axis]! - 1) * dilations[axis]! + 1;
    return Math.max(0, (Math.ceil(size / strides[axis]!) - 1) * strides[axis]! + reach - size);
  });
  return [...all.map((total) => Math.floor(total / 2)), ...all.map((total) => Math.ceil(total / 2))];
}
