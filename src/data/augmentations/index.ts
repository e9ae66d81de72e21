/** The augmentations, by kind. */
export { flip, flipVertical } from "./flip.ts";
export { rotate } from "./rotate.ts";
export { crop } from "./crop.ts";
export { resizedCrop } from "./resized-crop.ts";
export { affine } from "./affine.ts";
export { elastic } from "./elastic.ts";
export { noise } from "./noise.ts";
export { color } from "./color.ts";
export { cutout } from "./cutout.ts";
export { timeShift, timeMask } from "./time.ts";
export { mixup } from "./mixup.ts";
