/** Initialisers of the spec §3.3, by name. */
import { GradusError } from "../../util/errors.ts";
import type { Rng } from "../../util/rng.ts";
import type { Fans, Initializer } from "../initializer.ts";
import { orthogonal } from "./orthogonal.ts";

function normal(name: string, formula: string, variance: (fans: Fans) => number): Initializer {
  const fill = (weights: Float32Array, fans: Fans, rng: Rng) => {
    const deviation = Math.sqrt(variance(fans));
    for (let i = 0; i < weights.length; i++) weights[i] = deviation * rng.normal();
  };
  return { name, formula, fill };
}

/** Uniform on ±√(3·variance), which has that variance. */
function uniform(name: string, formula: string, variance: (fans: Fans) => number): Initializer {
  const fill = (weights: Float32Array, fans: Fans, rng: Rng) => {
    const limit = Math.sqrt(3 * variance(fans));
    for (let i = 0; i < weights.length; i++) weights[i] = limit * (2 * rng.uniform() - 1);
  };
  return { name, formula, fill };
}

const lecun = ({ fanIn }: Fans) => 1 / fanIn;
const he = ({ fanIn }: Fans) => 2 / fanIn;
const glorot = ({ fanIn, fanOut }: Fans) => 2 / (fanIn + fanOut);

/** LeCun et al. 1998 (the lecture's general and tanh form), He et al. 2015, Glorot & Bengio 2010, Saxe et al. 2014. */
export const initializers = {
  lecunNormal: normal("lecunNormal", "N(0, 1/n[l-1])", lecun),
  lecunUniform: uniform("lecunUniform", "U(±√(3/n[l-1]))", lecun),
  heNormal: normal("heNormal", "N(0, 2/n[l-1])", he),
  heUniform: uniform("heUniform", "U(±√(6/n[l-1]))", he),
  glorotNormal: normal("glorotNormal", "N(0, 2/(n[l-1]+n[l]))", glorot),
  glorotUniform: uniform("glorotUniform", "U(±√(6/(n[l-1]+n[l])))", glorot),
  orthogonal,
  zeros: { name: "zeros", formula: "0", fill: (weights) => void weights.fill(0) } satisfies Initializer,
} as const;

export type InitializerName = keyof typeof initializers;

/** @throws GradusError for a name that is not an initialiser */
export function initializerByName(name: string): Initializer {
  const found = Object.hasOwn(initializers, name) ? initializers[name as InitializerName] : undefined;
  if (!found) throw new GradusError(`no initializer "${name}"`, { hint: `one of ${Object.keys(initializers).join(", ")}` });
  return found;
}
