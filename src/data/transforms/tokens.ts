/** Sequences of tokens: numbers of a vocabulary of the training rows for an embedding, or one-hot at each step beside other columns. */
import { constant, input, int64 } from "../../ir/graph.ts";
import { tensor } from "../../ir/tensor.ts";
import { ops } from "../../ops/build.ts";
import { GradusError } from "../../util/errors.ts";
import { cutOrFill } from "../sequence-blocks.ts";
import { checkLengths } from "../sequence-lengths.ts";
import { grouped, type Column, type SequenceColumn } from "../table.ts";
import { defineTransform, type ColumnPlan } from "../transform.ts";

export interface TokensPlan extends ColumnPlan {
  readonly kind: "tokens";
  readonly time: number;
  /** Whether every sequence has just so many steps. */
  readonly fixed: boolean;
  /** So many steps more come before those, and are passed over. */
  readonly season?: number;
  /** Token i has the number i + 2; 1 is any other token, 0 none. */
  readonly vocabulary: readonly string[];
  /** Numbers for an embedding, or one-hot. */
  readonly as: "numbers" | "oneHot";
}

/** Numbers below those of the vocabulary: none, and unknown. */
export const RESERVED = 2;
const MOST_TOKENS = 20_000;
const MOST_INPUTS = 255;

type TokenSequence = SequenceColumn & { readonly tokens: readonly string[] };

export const tokens = defineTransform<TokenSequence, TokensPlan>({
  kind: "tokens",
  applies: (column: Column): column is TokenSequence => column.kind === "sequence" && column.tokens !== undefined,

  fit({ name, sqlType, values, tokens: all }, { time = 1, fixed = false, season, alone = false }) {
    const counts = new Int32Array(all.length);
    for (const code of values) if (code >= 0) counts[code]! += 1;
    const seen = all.flatMap((_, code) => (counts[code]! > 0 ? [code] : []));
    const repeated = seen.filter((code) => counts[code]! > 1);
    // Tokens that occur once train the entry of unknown ones.
    const usual = repeated.length > 0 ? repeated : seen;
    if (usual.length < (repeated.length < seen.length ? 1 : 2)) {
      const what = seen.length === 0 ? "no training row has a token" : `always "${all[seen[0]!]}" in the training rows`;
      return { plan: undefined, notes: [`${name} left out: ${what}`] };
    }
    const most = alone ? MOST_TOKENS : MOST_INPUTS;
    const kept = usual.toSorted((a, b) => counts[b]! - counts[a]! || a - b).slice(0, most);
    if (!alone && seen.length > 20 * MOST_INPUTS)
      throw new GradusError(
        `column "${name}" has ${grouped(seen.length)} different tokens; beside other columns each would be an input of its own at every step.`,
        { hint: "read the text alone, leaving the other columns out with --drop, or in characters." },
      );
    const rest = seen.length - kept.length;
    const share = kept.reduce((sum, code) => sum + counts[code]!, 0) / values.length;
    const notes = [
      `${name}: ${grouped(kept.length)} tokens${rest > 0 ? ` (${(100 * share).toFixed(1)} % of all steps); ${grouped(rest)} rarer ones and those never seen share one entry` : "; those never seen share one entry"}`,
    ];
    const seasonal = season === undefined ? {} : { season };
    const vocabulary = kept.toSorted((a, b) => a - b).map((code) => all[code]!);
    return {
      plan: { kind: "tokens", column: name, sqlType, time, fixed, ...seasonal, vocabulary, as: alone ? "numbers" : "oneHot" },
      notes,
    };
  },

  input: ({ column }) => input(column, "string", ["batch", "time"]),

  build(plans, inputs) {
    return plans.map(({ column, time, fixed, season = 0, vocabulary, as }, i) => {
      const numbers = vocabulary.map((_, code) => code + RESERVED);
      const encoding = { keys_strings: ["", ...vocabulary], values_int64s: [0, ...numbers], default_int64: 1 };
      const whole = cutOrFill(ops.LabelEncoder(inputs[i]!, encoding), time + season, undefined);
      const codes = season > 0 ? ops.Slice(whole, int64([season]), int64([season + time]), int64([1])) : whole;
      const present = ops.Cast(ops.Greater(codes, constant(tensor("int64", [0], []))), { to: "float32" });
      const block = { time, fixed, valid: present };
      if (as === "numbers")
        return {
          value: ops.Cast(codes, { to: "float32" }),
          features: [column],
          sequence: { ...block, indices: RESERVED + vocabulary.length },
        };
      const every = constant(tensor("int64", numbers, [numbers.length]));
      return {
        value: ops.Cast(ops.Equal(ops.Unsqueeze(codes, int64([2])), every), { to: "float32" }),
        features: vocabulary.map((token) => `${column} = ${token}`),
        sequence: block,
      };
    });
  },

  raw(column, rows, plan) {
    const { offsets, values, tokens: all } = column;
    checkLengths(column, rows, plan);
    const time = plan.time + (plan.season ?? 0);
    const data = new Array<string>(rows.length * time).fill("");
    rows.forEach((row, i) => {
      const from = offsets[row]!;
      const steps = Math.min(time, offsets[row + 1]! - from);
      for (let step = 0; step < steps; step++) data[i * time + step] = all[values[from + step]!] ?? "";
    });
    return tensor("string", data, [rows.length, time]);
  },
});
