/** One WebAssembly memory for θ, g and the optimizer's state, and the fused updates that run over it. */
import { GradusError, internal } from "../../util/errors.ts";
import { kernelsBase64 } from "./kernels.wasm.ts";

declare function atob(base64: string): string;

const alignment = 64;
/** The optimising compiler of the kernels takes addresses below this as unused. */
const firstByte = 1024;
const pageBytes = 65536;
/** WebAssembly addresses 32 bits. */
const largestBytes = 65536 * pageBytes;

/** What an update descends in place of g: scale·g + l2·θ + l1·sign(θ). */
export interface Descent {
  readonly scale: number;
  readonly l2: number;
  readonly l1: number;
}

/** g itself. */
export const plainDescent: Descent = { scale: 1, l2: 0, l1: 0 };

/**
 * Updates in place over vectors that lie in one arena, equally long each (or equal parts of them).
 * Scalars are float64 numbers, rounded to float32 once on the way in; pass 1-β as its own number, since
 * 1-β computed in float32 is off by 1e-5. Elements are independent, so an update of two halves equals one of the whole.
 * In every update g stands for what `descent` makes of it.
 */
export interface Kernels {
  /** θ ← θ - rate·g */
  sgd(theta: Float32Array, g: Float32Array, rate: number, descent?: Descent): void;
  /** v ← μ·v + g, then θ ← θ - rate·v; with Nesterov's form θ ← θ - rate·(g + μ·v) */
  momentum(
    theta: Float32Array,
    g: Float32Array,
    v: Float32Array,
    scalars: { readonly rate: number; readonly mu: number; readonly nesterov: boolean },
    descent?: Descent,
  ): void;
  /** s ← keep·s + take·g², then θ ← θ - rate·g / (√s + ε). @param scalars rate, keep, take, ε */
  rmsprop(theta: Float32Array, g: Float32Array, s: Float32Array, scalars: readonly number[], descent?: Descent): void;
  /**
   * m ← β₁·m + (1-β₁)·g, v ← β₂·v + (1-β₂)·g², then θ ← (θ - decay·θ) - rate·m / (√v·correction + ε).
   * @param scalars rate = α/(1-β₁ᵗ), correction = 1/√(1-β₂ᵗ), β₁, 1-β₁, β₂, 1-β₂, ε and, for AdamW, decay = α·weightDecay (0 if left out)
   */
  adam(theta: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array, scalars: readonly number[], descent?: Descent): void;
  /** x ← factor·x */
  scale(x: Float32Array, factor: number): void;
  /** y ← y + a·x */
  axpy(y: Float32Array, x: Float32Array, a: number): void;
  /** y ← keep·y + (1 - keep)·x */
  average(y: Float32Array, x: Float32Array, keep: number): void;
  /** x ← min(max(x, -limit), limit) */
  clamp(x: Float32Array, limit: number): void;
  /** x ← sign(x)·max(|x| - threshold, 0): soft threshold, with exact zeros. */
  shrink(x: Float32Array, threshold: number): void;
  /** Σ x², in float64 and always in the same order; not finite when an element is not. */
  sumSquares(x: Float32Array): number;
  /**
   * Each number 1/keep with the probability `keep`, else 0: a pure function of the seed, the stream and the step.
   * @param out a whole vector of the arena, since up to 15 numbers behind it are written too
   * @param stream two words, `hashText` of the stream's name
   */
  mask(
    out: Float32Array,
    draw: { readonly keep: number; readonly seed: number; readonly stream: readonly [number, number]; readonly step: number },
  ): void;
}

/** Vectors in one WebAssembly memory, all allocated before the first step: growing the memory would detach them. */
export interface Arena {
  /** The memory that every vector of the arena views. */
  readonly memory: WebAssembly.Memory;
  /** Bytes handed out so far, padding included. */
  readonly used: number;
  /** The updates over this arena's vectors. */
  readonly kernels: Kernels;
  /** The next `n` elements, zero, starting at a multiple of 64 bytes. */
  float32(n: number): Float32Array<ArrayBuffer>;
  /** Where a vector of this arena starts, in bytes. */
  offsetOf(view: Float32Array): number;
}

/** Bytes of an arena that holds vectors of these lengths. */
export function arenaBytes(lengths: readonly number[]): number {
  return lengths.reduce((sum, n) => sum + padded(4 * n), firstByte);
}

/**
 * @param bytes all that will ever be allocated, from {@link arenaBytes}
 * @throws GradusError beyond 4 GiB or what the machine has
 * @example
 * const arena = createArena(arenaBytes([n, n]));
 * const theta = arena.float32(n), g = arena.float32(n);
 * arena.kernels.sgd(theta, g, 0.1);
 */
export function createArena(bytes: number): Arena {
  const memory = allocate(bytes);
  let next = firstByte;
  return {
    memory,
    kernels: kernels(memory),
    get used() {
      return next;
    },
    float32(n) {
      const start = next;
      if (start + 4 * n > memory.buffer.byteLength) internal(`arena of ${bytes} bytes is full: ${start} used, ${4 * n} asked for`);
      next = start + padded(4 * n);
      return new Float32Array(memory.buffer, start, n);
    },
    offsetOf: (view) => offsetIn(memory, view),
  };
}

/** The updates, bound to a memory. */
export function kernels(memory: WebAssembly.Memory): Kernels {
  const wasm = new WebAssembly.Instance(compiled(), { env: { memory } }).exports as unknown as Exports;
  const at = (view: Float32Array): number => offsetIn(memory, view);
  return {
    sgd: (theta, g, rate, { scale, l2, l1 } = plainDescent) => wasm.sgd(at(theta), at(g), sameLength(theta, g), rate, scale, l2, l1),
    momentum(theta, g, v, { rate, mu, nesterov }, { scale, l2, l1 } = plainDescent) {
      const update = nesterov ? wasm.nesterov : wasm.momentum;
      update(at(theta), at(g), at(v), sameLength(theta, g, v), rate, mu, scale, l2, l1);
    },
    rmsprop: (theta, g, s, [rate, keep, take, epsilon], { scale, l2, l1 } = plainDescent) =>
      wasm.rmsprop(at(theta), at(g), at(s), sameLength(theta, g, s), rate!, keep!, take!, epsilon!, scale, l2, l1),
    adam(theta, g, m, v, [rate, correction, keep1, take1, keep2, take2, epsilon, decay = 0], { scale, l2, l1 } = plainDescent) {
      const n = sameLength(theta, g, m, v);
      wasm.adam(at(theta), at(g), at(m), at(v), n, keep1!, take1!, keep2!, take2!, rate!, correction!, epsilon!, decay, scale, l2, l1);
    },
    scale: (x, factor) => wasm.scale(at(x), x.length, factor),
    axpy: (y, x, a) => wasm.axpy(at(y), at(x), sameLength(y, x), a),
    average: (y, x, keep) => wasm.average(at(y), at(x), sameLength(y, x), keep, 1 - keep),
    clamp: (x, limit) => wasm.clamp(at(x), x.length, limit),
    shrink: (x, threshold) => wasm.shrink(at(x), x.length, threshold),
    sumSquares: (x) => wasm.sumSquares(at(x), x.length),
    mask(out, { keep, seed, stream: [stream0, stream1], step }) {
      const threshold = Math.round(keep * 2 ** 32);
      if (threshold > 0xffffffff) out.fill(1 / keep);
      else wasm.mask(at(out), out.length, threshold, 1 / keep, step, stream0, stream1, seed % 2 ** 32, Math.floor(seed / 2 ** 32));
    },
  };
}

/** What kernels.as.ts exports: byte offsets first, then the count of elements, then scalars. */
interface Exports {
  sgd(...parameters: [theta: number, g: number, n: number, lr: number, ...descent: Triple]): void;
  momentum(...parameters: [theta: number, g: number, v: number, n: number, lr: number, mu: number, ...descent: Triple]): void;
  nesterov(...parameters: [theta: number, g: number, v: number, n: number, lr: number, mu: number, ...descent: Triple]): void;
  rmsprop(
    ...parameters: [
      theta: number,
      g: number,
      s: number,
      n: number,
      lr: number,
      keep: number,
      take: number,
      epsilon: number,
      ...descent: Triple,
    ]
  ): void;
  adam(
    ...parameters: [
      theta: number,
      g: number,
      m: number,
      v: number,
      n: number,
      keep1: number,
      take1: number,
      keep2: number,
      take2: number,
      rate: number,
      correction: number,
      epsilon: number,
      decay: number,
      ...descent: Triple,
    ]
  ): void;
  scale(x: number, n: number, factor: number): void;
  axpy(y: number, x: number, n: number, a: number): void;
  average(y: number, x: number, n: number, keep: number, take: number): void;
  clamp(x: number, n: number, limit: number): void;
  shrink(x: number, n: number, threshold: number): void;
  sumSquares(x: number, n: number): number;
  mask(
    ...parameters: [
      out: number,
      n: number,
      threshold: number,
      kept: number,
      step: number,
      stream0: number,
      stream1: number,
      key0: number,
      key1: number,
    ]
  ): void;
}

type Triple = [scale: number, l2: number, l1: number];

let compiledModule: WebAssembly.Module | undefined;

function compiled(): WebAssembly.Module {
  compiledModule ??= new WebAssembly.Module(Uint8Array.from(atob(kernelsBase64), (character) => character.charCodeAt(0)));
  return compiledModule;
}

function allocate(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / pageBytes);
  const gibibytes = (bytes / 2 ** 30).toFixed(1);
  const hint = "fewer or narrower layers, or an optimizer with less state (sgd)";
  if (bytes > largestBytes)
    throw new GradusError(`parameters and optimizer state need ${gibibytes} GiB, and at most 4 GiB can be addressed`, { hint });
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    throw new GradusError(`parameters and optimizer state need ${gibibytes} GiB, more than this machine grants`, { hint, cause });
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function offsetIn(memory: WebAssembly.Memory, view: Float32Array): number {
  if (view.buffer !== memory.buffer) internal("a vector given to a kernel lies outside its arena");
  return view.byteOffset;
}

function sameLength(first: Float32Array, ...rest: readonly Float32Array[]): number {
  for (const { length } of rest)
    if (length !== first.length) internal(`vectors of ${first.length} and ${length} elements given to one kernel`);
  return first.length;
}
