/** Writes docs/experiment.schema.json from the zod schema. */
import { writeFileSync } from "node:fs";
import { experimentJsonSchema } from "../src/train/experiment.ts";

writeFileSync(new URL("../docs/experiment.schema.json", import.meta.url), `${JSON.stringify(experimentJsonSchema(), null, 2)}\n`);
