/** A transformer encoder block, normalised before each part (Xiong et al. 2020). */
import { activation } from "./activation.ts";
import { attention } from "./attention.ts";
import { dense } from "./dense.ts";
import { dropout } from "./dropout.ts";
import { layerNorm } from "./layer-norm.ts";
import { residual, type Residual } from "./residual.ts";
import { GradusError } from "../../util/errors.ts";

export interface TransformerBlockOptions {
  /** Features of each time step, in and out. */
  readonly width: number;
  readonly heads: number;
  /** Units of the hidden layer; 4·width where left out. */
  readonly hidden?: number;
  /** 1 where left out: no dropout. */
  readonly keepProbability?: number;
}

/** [batch, time, width] → the same: attention, then a hidden layer with GELU, each with a way around. */
export function transformerBlock({ width, heads, hidden = 4 * width, keepProbability = 1 }: TransformerBlockOptions): Residual[] {
  if (width % heads !== 0) throw new GradusError(`${heads} heads must divide a width of ${width}`);
  const drop = keepProbability < 1 ? [dropout(keepProbability)] : [];
  return [
    residual([layerNorm(), attention(heads), ...drop]),
    residual([layerNorm(), dense(hidden), activation("gelu"), dense(width), ...drop]),
  ];
}
