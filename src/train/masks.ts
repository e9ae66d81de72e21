/** The random tensors of training steps: a pure function of (seed, layer, step). */
import { sizeOf } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import type { Mask } from "../nn/layer.ts";
import { arenaBytes, createArena } from "../optim/kernels/memory.ts";
import { hashText, rngOfSteps } from "../util/rng.ts";

export interface Masks {
  /** The masks of a step by the names of their graph inputs. The tensors are used again by the next draw of that batch size. */
  draw(step: number, batch: number): Readonly<Record<string, Tensor>>;
  /** Those of consecutive steps as `masks/<name>`, [steps, batch, …shape]: the very numbers that `draw` gives step by step. */
  drawSteps(firstStep: number, steps: number, batch: number): Readonly<Record<string, Tensor>>;
}

/**
 * Inverted dropout (Srivastava et al. 2014): 1/keep with probability keep, else 0, so that the expectation stays; normal numbers for
 * a mask with a deviation.
 */
export function createMasks(masks: readonly Mask[], seed: number): Masks {
  const drawers = masks.map((mask) => drawerOf(mask, seed));
  const held = new Map<string, ReturnType<typeof holdMasks>>();
  const drawAll = (firstStep: number, steps: number, batch: number, lead: readonly number[]) => {
    if (masks.length === 0) return {};
    const key = lead.join();
    let found = held.get(key);
    if (!found) held.set(key, (found = holdMasks(masks, steps, batch, lead)));
    for (let k = 0; k < steps; k++) drawers.forEach((draw, i) => draw(found.arena.kernels, found.parts[i]![k]!, firstStep + k));
    return found.tensors;
  };
  return {
    draw: (step, batch) => drawAll(step, 1, batch, [batch]),
    drawSteps: (firstStep, steps, batch) => drawAll(firstStep, steps, batch, [steps, batch]),
  };
}

/** Memory for the masks of some steps. @param lead the axes before a mask's own */
function holdMasks(masks: readonly Mask[], steps: number, batch: number, lead: readonly number[]) {
  const sizes = masks.map(({ shape }) => batch * sizeOf(shape));
  const arena = createArena(arenaBytes(sizes.map((size) => steps * size + overrun)));
  const whole = sizes.map((size) => arena.float32(steps * size + overrun));
  return {
    arena,
    parts: whole.map((memory, i) => Array.from({ length: steps }, (_, k) => memory.subarray(k * sizes[i]!, (k + 1) * sizes[i]!))),
    tensors: Object.fromEntries(
      masks.map(({ name, shape }, i) => [
        `${lead.length > 1 ? "masks" : "mask"}/${name}`,
        tensor("float32", whole[i]!.subarray(0, steps * sizes[i]!), [...lead, ...shape]),
      ]),
    ),
  };
}

/** Numbers behind a vector that the kernel may write. */
const overrun = 16;

type Drawer = (kernels: ReturnType<typeof createArena>["kernels"], out: Float32Array, step: number) => void;

function drawerOf({ name, keepProbability, deviation }: Mask, seed: number): Drawer {
  const words = `mask ${name}`;
  if (deviation === undefined) {
    const stream = hashText(words);
    return (kernels, out, step) => kernels.mask(out, { keep: keepProbability, seed, stream, step });
  }
  const draws = rngOfSteps(seed, words);
  return (_, out, step) => {
    draws(step).fillNormal(out);
    for (let i = 0; i < out.length; i++) out[i] = deviation * out[i]!;
  };
}
