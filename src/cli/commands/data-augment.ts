import type { Command } from "../command.ts";
import { namesOfFlags } from "../flags.ts";
import { train } from "./train.ts";

/** Of `gradus train`, what speaks of the data, its split and what becomes of it. */
const known = namesOfFlags(["data", "split", "seed", "augment"]);
const shared = train.options.filter(({ flags }) => known.has(/--[\w-]+/.exec(flags)![0]) || /--(experiment|shape)\b/.test(flags));

export const dataAugment: Command = {
  name: "augment",
  summary: "what --augment makes of training examples, as a picture; nothing is trained",
  arguments: [{ name: "[data]", description: "a data file (may stand in the experiment file instead)" }],
  options: [
    ...shared.filter(({ flags }) => !flags.includes("--target-transform")),
    { flags: "--preview <file>", description: "the picture: a PNG, or an SVG (augment.png)" },
    { flags: "--examples <n>", description: "how many, drawn from the training part (8)" },
    { flags: "--rows <numbers>", description: "these rows of the data in place of drawn ones, e.g. 3,17" },
    { flags: "--epochs <n>", description: "the first epochs of the training, one picture each (8)" },
  ],
  examples: [
    "gradus data augment digits.csv --target digit --shape 1x8x8 --augment rotate=10,crop=1 --preview sheet.png",
    "gradus data augment --experiment leaves.yaml --rows 12,80 --epochs 4",
  ],
  load: async () => (await import("./data-augment-action.ts")).dataAugmentAction,
};
