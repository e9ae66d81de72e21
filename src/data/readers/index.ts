/** The readers, asked in this order. */
import type { Reader } from "../reader.ts";
import { arrow } from "./arrow.ts";
import { csv } from "./csv.ts";
import { json } from "./json.ts";
import { parquet } from "./parquet.ts";

export const readers: readonly Reader[] = [parquet, arrow, json, csv];
