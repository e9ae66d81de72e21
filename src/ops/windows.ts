/** Geometry of windows that slide over the spatial axes of [batch, channels, spatial…]: what convolutions and pools share. */
import { formatShape, unknownDim, type Dim, type Shape } from "../ir/shape.ts";
import { GradusError } from "../util/errors.ts";

export interface WindowAttributes {
  readonly auto_pad?: string;
  readonly dilations?: readonly number[];
  readonly kernel_shape?: readonly number[];
  /** All starts, then all ends. */
  readonly pads?: readonly number[];
  readonly strides?: readonly number[];
}

/** Kinds of the attributes above, for records. */
export const windowKinds = { auto_pad: "string", dilations: "ints", kernel_shape: "ints", pads: "ints", strides: "ints" } as const;

/** The window on one spatial axis; "SAME…" leaves the pads to the axis's size. */
export interface Window {
  readonly kernel: Dim;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly autoPad: "NOTSET" | "SAME_UPPER" | "SAME_LOWER" | "VALID";
}

/** Windows on an axis of known size: tap k of window o reads position `o·stride + k·dilation - before`, 0 ≤ o < outputs. */
export interface Axis {
  readonly size: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
}

const autoPads = ["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"] as const;

/** Spatial dimensions of [batch, channels, spatial…]. */
export function spatialDims(shape: Shape): Shape {
  if (shape.length < 3) throw new GradusError(`expected [batch, channels, spatial…], got ${formatShape(shape)}`);
  return shape.slice(2);
}

function perAxis(values: readonly number[] | undefined, count: number, otherwise: number, least: number, what: string): readonly number[] {
  if (!values) return new Array<number>(count).fill(otherwise);
  if (values.length !== count) throw new GradusError(`${what} [${values.join(", ")}] must have ${count} elements, got ${values.length}`);
  const bad = values.find((value) => value < least);
  if (bad !== undefined) throw new GradusError(`${what} must be ${least} or more, got [${values.join(", ")}]`);
  return values;
}

/**
 * One window per spatial axis.
 * @param kernel sizes of the kernel, by the weights or by `kernel_shape`
 */
export function windowsOf(kernel: Shape, attributes: WindowAttributes): Window[] {
  const count = kernel.length;
  const autoPad = autoPads.find((name) => name === (attributes.auto_pad ?? "NOTSET"));
  if (!autoPad) throw new GradusError(`auto_pad "${attributes.auto_pad}" is not one of ${autoPads.join(", ")}`);
  const strides = perAxis(attributes.strides, count, 1, 1, "strides");
  const dilations = perAxis(attributes.dilations, count, 1, 1, "dilations");
  const pads = perAxis(attributes.pads, 2 * count, 0, 0, "pads");
  if (autoPad !== "NOTSET" && pads.some((pad) => pad > 0))
    throw new GradusError(`pads [${pads.join(", ")}] and auto_pad ${autoPad} exclude each other`);
  return kernel.map((size, axis) => {
    if (typeof size === "number" && size < 1) throw new GradusError(`a kernel of ${formatShape(kernel)}`);
    return {
      kernel: size,
      stride: strides[axis]!,
      dilation: dilations[axis]!,
      before: pads[axis]!,
      after: pads[axis + count]!,
      autoPad,
    };
  });
}

/** Windows of a pool, whose kernel is an attribute. */
export function poolWindows(shape: Shape, attributes: WindowAttributes): Window[] {
  const spatial = spatialDims(shape);
  const { kernel_shape: kernel, pads } = attributes;
  if (!kernel) throw new GradusError("kernel_shape is missing");
  if (kernel.length !== spatial.length) {
    throw new GradusError(
      `kernel_shape [${kernel.join(", ")}] must have ${spatial.length} elements for ${formatShape(shape)}, got ${kernel.length}`,
    );
  }
  if (pads?.some((pad, i) => pad >= kernel[i % kernel.length]!)) {
    throw new GradusError(`pads [${pads.join(", ")}] must be smaller than the kernel [${kernel.join(", ")}]`);
  }
  return windowsOf(kernel, attributes);
}

/** Positions a window spans. */
export const extent = ({ kernel, dilation }: { readonly kernel: number; readonly dilation: number }): number => dilation * (kernel - 1) + 1;

/** `total` cut in two; the odd one goes to the end for SAME_UPPER, else to the start. */
export function halves(total: number, autoPad: Window["autoPad"]): readonly [before: number, after: number] {
  const small = Math.floor(total / 2);
  return autoPad === "SAME_UPPER" ? [small, total - small] : [total - small, small];
}

/** Windows on an axis of known size. With `ceil`, one that leaves the padded axis counts if it starts before the end pads. */
export function axisOf(size: number, window: Window & { readonly kernel: number }, ceil = false): Axis {
  const { kernel, stride, dilation, autoPad } = window;
  const span = extent(window);
  if (autoPad === "SAME_UPPER" || autoPad === "SAME_LOWER") {
    const outputs = Math.ceil(size / stride);
    const [before, after] = halves(Math.max((outputs - 1) * stride + span - size, 0), autoPad);
    return { size, outputs, kernel, stride, dilation, before, after };
  }
  const { before, after } = window;
  const room = size + before + after - span;
  if (room < 0) {
    const padded = before + after > 0 ? ` padded to ${size + before + after}` : "";
    throw new GradusError(`a window of ${span} does not fit into an axis of ${size}${padded}`);
  }
  let outputs = (ceil ? Math.ceil(room / stride) : Math.floor(room / stride)) + 1;
  if (ceil && (outputs - 1) * stride >= size + before) outputs--;
  return { size, outputs, kernel, stride, dilation, before, after };
}

const knownKernel = (window: Window): window is Window & { readonly kernel: number } => typeof window.kernel === "number";

/** How many windows an axis has; a symbolic size is kept where the windows do not change it. */
export function outputDim(dim: Dim, window: Window, ceil = false): Dim {
  const { stride, autoPad, before, after } = window;
  if (stride === 1 && autoPad.startsWith("SAME")) return dim;
  if (!knownKernel(window)) return unknownDim();
  if (typeof dim === "number") return axisOf(dim, window, ceil).outputs;
  return stride === 1 && before + after === extent(window) - 1 ? dim : unknownDim();
}

/** The windows on axes of known size; undefined where a size or the kernel is symbolic. */
export function knownAxes(spatial: Shape, windows: readonly Window[], ceil = false): Axis[] | undefined {
  const axes = windows.flatMap((window, i) => {
    const size = spatial[i]!;
    return typeof size === "number" && knownKernel(window) ? [axisOf(size, window, ceil)] : [];
  });
  return axes.length === windows.length ? axes : undefined;
}

/** `knownAxes` for a gradient, which has no other way. */
export function requireAxes(op: string, spatial: Shape, windows: readonly Window[], ceil = false): Axis[] {
  const axes = knownAxes(spatial, windows, ceil);
  if (!axes) throw new GradusError(`the gradient of ${op} needs known spatial sizes, got ${formatShape(spatial)}`);
  return axes;
}

/** Sizes of an array's windows. */
export const outputsOf = (axes: readonly Axis[]): number[] => axes.map(({ outputs }) => outputs);

/**
 * Where the taps read: position of tap k of window o in the flat spatial axes at `[o·taps + k]`, both row-major; -1 in the padding.
 */
export function tapSources(axes: readonly Axis[]): Int32Array {
  let sources = Int32Array.of(0);
  let [windows, taps] = [1, 1];
  for (const { size, outputs, kernel, stride, dilation, before } of axes) {
    const next = new Int32Array(windows * outputs * taps * kernel);
    let to = 0;
    for (let window = 0; window < windows; window++) {
      for (let o = 0; o < outputs; o++) {
        for (let tap = 0; tap < taps; tap++) {
          const from = sources[window * taps + tap]!;
          for (let k = 0; k < kernel; k++) {
            const at = o * stride + k * dilation - before;
            next[to++] = from < 0 || at < 0 || at >= size ? -1 : from * size + at;
          }
        }
      }
    }
    [sources, windows, taps] = [next, windows * outputs, taps * kernel];
  }
  return sources;
}
