/** Initialisers of the spec §3.3, by name, and such as a program gives itself. */
import { GradusError } from "../../util/errors.ts";
import type { Rng } from "../../util/rng.ts";
import type { Fans, Initializer } from "../initializer.ts";
import { orthogonal } from "./orthogonal.ts";

function normal(name: string, formula: string, variance: (fans: Fans) => number): Initializer {
  const fill = (weights: Float32Array, fans: Fans, rng: Rng) => {
    const deviation = Math.sqrt(variance(fans));
    for (let i = 0; i < weights.length; i++) weights[i] = deviation * rng.normal();
  };
  return { name, formula, variance, distribution: "normal", fill };
}

/** Uniform on ±√(3·variance), which has that variance. */
function uniform(name: string, formula: string, variance: (fans: Fans) => number): Initializer {
  const fill = (weights: Float32Array, fans: Fans, rng: Rng) => {
    const limit = Math.sqrt(3 * variance(fans));
    for (let i = 0; i < weights.length; i++) weights[i] = limit * (2 * rng.uniform() - 1);
  };
  return { name, formula, variance, distribution: "uniform", fill };
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
  /** For an output layer behind a strong signal. */
  smallNormal: normal("smallNormal", "N(0, 0.01/n[l-1])", ({ fanIn }) => 0.01 / fanIn),
  orthogonal,
  zeros: { name: "zeros", formula: "0", fill: (weights) => void weights.fill(0) } satisfies Initializer,
  ones: { name: "ones", formula: "1", fill: (weights) => void weights.fill(1) } satisfies Initializer,
} as const;

export type InitializerName = keyof typeof initializers;

export function isInitializerName(name: string): name is InitializerName {
  return Object.hasOwn(initializers, name);
}

/** @throws GradusError for a name that is not an initialiser */
export function initializerByName(name: string): Initializer {
  const found = isInitializerName(name) ? initializers[name] : undefined;
  if (!found) {
    const names = Object.keys(initializers).join(", ");
    throw new GradusError(`no initializer "${name}"`, { hint: `one of ${names}; one of your own is given as { name, fill }` });
  }
  return found;
}

/** An initialiser of ours by its name, or one of the caller's: the record, or its `fill` alone, which goes by the function's name. */
export type InitializerChoice = InitializerName | Initializer | Initializer["fill"];

/** A choice as a layer holds it. @throws GradusError where another initialiser takes one of our names */
export function chosenInitializer(choice: InitializerChoice): InitializerName | Initializer {
  if (typeof choice === "string") return choice;
  // A function written in place, dense(64, { initializer: (weights) => … }), is called after the option.
  const named = typeof choice === "function" && choice.name !== "initializer" ? choice.name : "";
  const given = typeof choice === "function" ? { name: named || "custom", fill: choice } : choice;
  if (!Object.hasOwn(initializers, given.name)) return given;
  const name = given.name as InitializerName;
  if (initializers[name].fill === given.fill) return name;
  throw new GradusError(`an initializer of your own cannot be named "${name}": that is another one's name`);
}

/** What a layer holds, ready to fill. @throws GradusError for a name that is not an initialiser */
export function initializerOf(held: string | Initializer): Initializer {
  return typeof held === "string" ? initializerByName(held) : held;
}

/** How reports and saved models call it. */
export function initializerName(held: string | Initializer): string {
  return typeof held === "string" ? held : held.name;
}
