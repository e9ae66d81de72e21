/** The readers, asked in this order. */
export { parquet } from "./parquet.ts";
export { arrow } from "./arrow.ts";
export { json } from "./json.ts";
export { csv } from "./csv.ts";
