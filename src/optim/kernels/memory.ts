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

/**
 * Updates in place over vectors that lie in one arena, equally long each (or equal parts of them).
 * Scalars are float64 numbers, rounded to float32 once on the way in; pass 1-β as its own number, since
 * 1-β computed in float32 is off by 1e-5. Elements are independent, so an update of two halves equals one of the whole.
 */
export interface Kernels {
  /** θ ← θ - rate·g */
  sgd(theta: Float32Array, g: Float32Array, rate: number): void;
  /** v ← μ·v + g, then θ ← θ - rate·v; with Nesterov's form θ ← θ - rate·(g + μ·v) */
  momentum(theta: Float32Array, g: Float32Array, v: Float32Array, rate: number, mu: number, nesterov: boolean): void;
  /** s ← keep·s + take·g², then θ ← θ - rate·g / (√s + ε) */
  rmsprop(theta: Float32Array, g: Float32Array, s: Float32Array, rate: number, keep: number, take: number, epsilon: number): void;
  /**
   * m ← β₁·m + (1-β₁)·g, v ← β₂·v + (1-β₂)·g², then θ ← (θ - decay·θ) - rate·m / (√v·correction + ε).
   * @param scalars rate = α/(1-β₁ᵗ), correction = 1/√(1-β₂ᵗ), β₁, 1-β₁, β₂, 1-β₂, ε and, for AdamW, decay = α·weightDecay (0 if left out)
   */
  adam(theta: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array, scalars: readonly number[]): void;
  /** x ← factor·x */
  scale(x: Float32Array, factor: number): void;
  /** y ← y + a·x; an L2 penalty is `axpy(g, theta, lambda / rows)`. */
  axpy(y: Float32Array, x: Float32Array, a: number): void;
  /** Σ x², in float64 and always in the same order; not finite when an element is not. */
  sumSquares(x: Float32Array): number;
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
    sgd: (theta, g, rate) => wasm.sgd(at(theta), at(g), sameLength(theta, g), rate),
    momentum(theta, g, v, rate, mu, nesterov) {
      const update = nesterov ? wasm.nesterov : wasm.momentum;
      update(at(theta), at(g), at(v), sameLength(theta, g, v), rate, mu);
    },
    rmsprop: (theta, g, s, rate, keep, take, epsilon) =>
      wasm.rmsprop(at(theta), at(g), at(s), sameLength(theta, g, s), rate, keep, take, epsilon),
    adam(theta, g, m, v, [rate, correction, keep1, take1, keep2, take2, epsilon, decay = 0]) {
      const n = sameLength(theta, g, m, v);
      wasm.adam(at(theta), at(g), at(m), at(v), n, keep1!, take1!, keep2!, take2!, rate!, correction!, epsilon!, decay);
    },
    scale: (x, factor) => wasm.scale(at(x), x.length, factor),
    axpy: (y, x, a) => wasm.axpy(at(y), at(x), sameLength(y, x), a),
    sumSquares: (x) => wasm.sumSquares(at(x), x.length),
  };
}

/** What kernels.as.ts exports: byte offsets first, then the count of elements, then scalars. */
interface Exports {
  sgd(theta: number, g: number, n: number, lr: number): void;
  momentum(theta: number, g: number, v: number, n: number, lr: number, mu: number): void;
  nesterov(theta: number, g: number, v: number, n: number, lr: number, mu: number): void;
  rmsprop(theta: number, g: number, s: number, n: number, lr: number, keep: number, take: number, epsilon: number): void;
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
    ]
  ): void;
  scale(x: number, n: number, factor: number): void;
  axpy(y: number, x: number, n: number, a: number): void;
  sumSquares(x: number, n: number): number;
}

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
