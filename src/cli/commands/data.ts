/** `gradus data`: data files before any training. */
import type { CommandGroup } from "../command.ts";
import { dataShow } from "./data-show.ts";
import { dataAugment } from "./data-augment.ts";
import { dataSplit } from "./data-split.ts";

export const data: CommandGroup = { name: "data", summary: "data files before any training", commands: [dataShow, dataSplit, dataAugment] };
