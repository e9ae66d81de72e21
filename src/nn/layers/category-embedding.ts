/** Learnt vectors in place of the numbers of categories, beside inputs that stay as they are. */
import { constant, int64, type Value } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import type { LayerDefinition } from "../layer.ts";
import { checkCount, knownSizes } from "./numbers.ts";

/** An input that is the number of a category. */
export interface EmbeddedInput {
  /** Its place among the inputs. */
  readonly at: number;
  /** Its numbers are 0 … tokens − 1; 0 is a category that is not known. */
  readonly tokens: number;
  readonly units: number;
  /** What 0 becomes: a vector that is learnt as the others are, or zeros where training rows have none to learn it from. */
  readonly unknown: "learnt" | "zeros";
}

export interface CategoryEmbedding {
  readonly kind: "categoryEmbedding";
  readonly columns: readonly EmbeddedInput[];
}

/**
 * `categoryEmbedding([{ at: 1, tokens: 300, units: 50, unknown: "zeros" }])`: [batch, n] → [batch, n − 1 + 50], the other inputs first. A
 * vector has length 1 on average at the start, as a one-hot category has.
 */
export function categoryEmbedding(columns: readonly EmbeddedInput[]): CategoryEmbedding {
  return { kind: "categoryEmbedding", columns };
}

export const categoryEmbeddingLayer: LayerDefinition<CategoryEmbedding> = {
  kind: "categoryEmbedding",
  build({ columns }, x, { name, parameter }) {
    const [inputs] = knownSizes(name, x, "[batch, n]", [2]) as [number];
    checkCount(name, "columns", columns.length);
    const places = new Set(columns.map(({ at }) => at));
    const strange = columns.find(({ at }) => !(Number.isInteger(at) && at >= 0 && at < inputs));
    if (strange || places.size < columns.length)
      throw new GradusError(
        strange
          ? `${name} reads input ${strange.at}, there are ${inputs}`
          : `${name} reads an input twice: ${columns.map(({ at }) => at).join(", ")}`,
        { hint: `each place once, from 0 to ${inputs - 1}` },
      );
    const vectors = columns.map(({ at, tokens, units, unknown }, i) => {
      const learnt = unknown === "learnt" ? tokens : tokens - 1;
      checkCount(name, "tokens", tokens, unknown === "learnt" ? 1 : 2);
      checkCount(name, "units", units);
      const shape = [learnt, units];
      const w = parameter({ name: `W${i + 1}`, shape, role: "weight", initializer: "lecunNormal", fanIn: units, fanOut: units });
      const number = ops.Gather(x, int64([at]), { axis: 1 });
      const lookUp = (of: Value): Value => ops.Gather(w, ops.Squeeze(ops.Cast(of, { to: "int64" }), int64([1])), { axis: 0 });
      if (unknown === "learnt") return lookUp(number);
      const zero = constant(tensor(x.dtype, 0));
      const known = ops.Cast(ops.Greater(number, zero), { to: x.dtype });
      return ops.Mul(lookUp(ops.Max(ops.Sub(number, constant(tensor(x.dtype, 1))), zero)), known);
    });
    const others = Array.from({ length: inputs }, (_, at) => at).filter((at) => !places.has(at));
    const kept = others.length > 0 ? [ops.Gather(x, int64(others), { axis: 1 })] : [];
    return kept.length + vectors.length === 1 ? vectors[0]! : ops.Concat(...kept, ...vectors, { axis: 1 });
  },
  describe: ({ columns }) => columns.map(({ tokens, units }) => `${tokens} categories → ${units} units`).join(", "),
};
