/** The readers, asked in this order. */
export { csv } from "./csv.ts";
