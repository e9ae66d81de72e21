/** Every command: one line each, in the order of `gradus --help`. */
import type { Command } from "../command.ts";
import { evaluate } from "./evaluate.ts";
import { predict } from "./predict.ts";
import { show } from "./show.ts";
import { train } from "./train.ts";

export const commands: readonly Command[] = [train, predict, evaluate, show];
