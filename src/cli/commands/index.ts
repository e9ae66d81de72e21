/** Every command: one line each, in the order of `gradus --help`. */
export { train } from "./train.ts";
export { predict } from "./predict.ts";
export { evaluate } from "./evaluate.ts";
export { show } from "./show.ts";
