/** `gradus data`: data files before any training. */
import type { CommandGroup } from "../command.ts";
import { dataAugment } from "./data-augment.ts";
import { dataSplit } from "./data-split.ts";

export const data: CommandGroup = { name: "data", summary: "data files before any training", commands: [dataSplit, dataAugment] };
