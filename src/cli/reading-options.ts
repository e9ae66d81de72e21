/** The options of reading that commands share, as the library takes them. */
import type { ReadOptions } from "../data/read-table.ts";
import { readTypes, type Reading } from "../data/reading.ts";
import { GradusError } from "../util/errors.ts";
import type { OptionValues } from "./command.ts";
import { fields } from "./flags.ts";

/** @throws GradusError on a decimal sign or a type that is none */
export function readingOptions(options: OptionValues): Reading & Pick<ReadOptions, "image" | "labels"> {
  const text = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === "string" ? value : undefined;
  };
  const decimal = text("decimal");
  if (decimal !== undefined && decimal !== "." && decimal !== ",") throw new GradusError(`--decimal must be . or ",", found "${decimal}".`);
  const [missing, types] = [text("missing"), text("type")];
  return {
    delimiter: text("delimiter"),
    encoding: text("encoding"),
    decimal,
    thousands: text("thousands"),
    missing: missing === undefined ? undefined : fields(missing),
    types: types === undefined ? undefined : readTypes(fields(types)),
    skipBadRows: options["skipBadRows"] === true,
    query: text("query"),
    image: text("image"),
    labels: text("labels"),
  };
}
