/** The transforms: each column takes the first that applies to it, and the design matrix has their features in this order. */
import { dateParts } from "./date-parts.ts";
import { embedding } from "./embedding.ts";
import { image } from "./image.ts";
import { oneHot } from "./one-hot.ts";
import { scale } from "./scale.ts";
import { sequence } from "./sequence.ts";
import { standardise } from "./standardise.ts";
import { tokens } from "./tokens.ts";

export const transforms = [dateParts, scale, standardise, embedding, oneHot, image, sequence, tokens] as const;
