/** What `gradus diagnose --json` prints last. */
import { z } from "zod";
import { gapNames } from "../diagnose/gaps.ts";

const number = z.number();
/** Exact figures have no number of examples. */
const figure = z.strictObject({ value: number, low: number, high: number, n: z.int().min(0).optional() });

export const diagnoseResultSchema = z.strictObject({
  type: z.literal("result"),
  command: z.literal("diagnose"),
  run: z.string().optional(),
  metric: z.string(),
  errors: z.record(z.string(), figure),
  reference: figure.extend({ source: z.enum(["bayes", "human", "target"]) }).optional(),
  gaps: z.array(
    z.strictObject({
      rule: z.enum(gapNames),
      verdict: z.enum(["high", "fine", "cannot tell", "not measured"]),
      limit: number,
      gap: figure.optional(),
      times: number.optional(),
      because: z.string().optional(),
    }),
  ),
  summary: z.string(),
  first: z.string().optional(),
  warnings: z.array(z.string()),
});
