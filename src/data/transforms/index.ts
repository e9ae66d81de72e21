/** The transforms: each column takes the first that applies to it. */
export { standardise } from "./standardise.ts";
export { oneHot } from "./one-hot.ts";
export { image } from "./image.ts";
export { sequence } from "./sequence.ts";
export { tokens } from "./tokens.ts";
