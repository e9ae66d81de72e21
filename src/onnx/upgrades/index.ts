/** Every upgrade, by domain and operator. */
import { elementwise, labels } from "./elementwise.ts";
import { movement } from "./movement.ts";
import { normalization } from "./normalization.ts";
import { reductions } from "./reduction.ts";
import { resizing } from "./resize.ts";
import { scanning } from "./scan.ts";
import type { Upgrades } from "./upgrade.ts";

export const upgrades: Readonly<Record<string, Upgrades>> = {
  "": { ...movement, ...elementwise, ...reductions, ...normalization, ...resizing, ...scanning },
  "ai.onnx.ml": labels,
};
