/** Orthogonal initialisation (Saxe et al. 2014): the Q of a random normal matrix, by modified Gram-Schmidt in float64. */
import type { Initializer } from "../initializer.ts";

export const orthogonal: Initializer = {
  name: "orthogonal",
  formula: "Q of a random matrix",
  fill(weights, { fanIn, rows = fanIn }, rng) {
    // The smaller side's vectors are made orthonormal; `at` addresses element j of vector i in the row-major weight.
    const columns = weights.length / rows;
    const count = Math.min(rows, columns);
    const length = Math.max(rows, columns);
    const at = (i: number, j: number) => (rows <= columns ? i * columns + j : j * columns + i);
    const vectors = Array.from({ length: count }, () => rng.fillNormal(new Float64Array(length)));
    vectors.forEach((vector, i) => {
      for (let pass = 0; pass < 2; pass++) {
        for (const earlier of vectors.slice(0, i)) {
          let dot = 0;
          for (let j = 0; j < length; j++) dot += vector[j]! * earlier[j]!;
          for (let j = 0; j < length; j++) vector[j]! -= dot * earlier[j]!;
        }
      }
      const norm = Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));
      for (let j = 0; j < length; j++) weights[at(i, j)] = vector[j]! /= norm;
    });
  },
};
