/** Every command: one line each, in the order of `gradus --help`. */
import type { Command, CommandGroup } from "../command.ts";
import { audit } from "./audit.ts";
import { check } from "./check.ts";
import { data } from "./data.ts";
import { diagnose } from "./diagnose.ts";
import { evaluate } from "./evaluate.ts";
import { learningRate } from "./learning-rate.ts";
import { model } from "./model.ts";
import { predict } from "./predict.ts";
import { report } from "./report.ts";
import { resume } from "./resume.ts";
import { show } from "./show.ts";
import { train } from "./train.ts";

export const commands: readonly (Command | CommandGroup)[] = [
  train,
  resume,
  predict,
  evaluate,
  diagnose,
  audit,
  check,
  learningRate,
  show,
  report,
  data,
  model,
];
