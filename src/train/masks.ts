/** The random tensors of training steps: a pure function of (seed, layer, step). */
import { sizeOf } from "../ir/shape.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import type { Mask } from "../nn/layer.ts";
import { rng } from "../util/rng.ts";

export interface Masks {
  /** The masks of a step by the names of their graph inputs. The tensors are used again by the next draw of that batch size. */
  draw(step: number, batch: number): Readonly<Record<string, Tensor>>;
}

/** Inverted dropout (Srivastava et al. 2014): 1/keep with probability keep, else 0, so that the expectation stays. */
export function createMasks(masks: readonly Mask[], seed: number): Masks {
  const bySize = new Map<number, Record<string, Tensor>>();
  return {
    draw(step, batch) {
      let tensors = bySize.get(batch);
      if (!tensors) {
        const make = ({ shape }: Mask) => tensor("float32", new Float32Array(batch * sizeOf(shape)), [batch, ...shape]);
        bySize.set(batch, (tensors = Object.fromEntries(masks.map((mask) => [`mask/${mask.name}`, make(mask)]))));
      }
      for (const { name, keepProbability } of masks) {
        const values = rng(seed, `mask ${name}`, step).fillUniform(tensors[`mask/${name}`]!.data as Float32Array);
        const kept = 1 / keepProbability;
        for (let i = 0; i < values.length; i++) values[i] = values[i]! < keepProbability ? kept : 0;
      }
      return tensors;
    },
  };
}
