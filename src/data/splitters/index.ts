/** The splitters, asked in this order; the last one always applies. */
export { byColumn } from "./by-column.ts";
export { byGroup } from "./by-group.ts";
export { byTime } from "./by-time.ts";
export { random } from "./random.ts";
