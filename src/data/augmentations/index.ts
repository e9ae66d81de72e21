/** The augmentations, in the order in which they are listed. */
import type { Augmentation } from "../augmentation.ts";
import { affine } from "./affine.ts";
import { color } from "./color.ts";
import { crop } from "./crop.ts";
import { cutout } from "./cutout.ts";
import { elastic } from "./elastic.ts";
import { flip, flipVertical } from "./flip.ts";
import { mixup } from "./mixup.ts";
import { noise } from "./noise.ts";
import { resizedCrop } from "./resized-crop.ts";
import { rotate } from "./rotate.ts";
import { timeMask, timeShift } from "./time.ts";

export const allAugmentations: readonly Augmentation[] = [
  flip,
  flipVertical,
  rotate,
  crop,
  resizedCrop,
  affine,
  elastic,
  color,
  noise,
  cutout,
  timeShift,
  timeMask,
  mixup,
];
