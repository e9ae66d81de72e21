/** A diagnosis in words: what each gap is, what to do first, and what will not help. */
import { grouped, minus, short } from "../util/format.ts";
import type { Interval } from "../util/statistics.ts";
import { beatsReference, firstGap, gapNames, type Errors, type Gap, type GapName, type Reference } from "./gaps.ts";

/** What lowers a gap, the first first; and what does not. */
const remedies: Readonly<Record<GapName, { readonly helps: string; readonly idle: string }>> = {
  bias: {
    helps: "a bigger network, longer training, a better learning rate, less regularisation, another architecture",
    idle: "more data will not help as long as the training rows themselves are not learnt",
  },
  variance: {
    helps: "more data, L2, dropout, augmentation, early stopping; a smaller network last",
    idle: "longer training and a bigger network alone will not help",
  },
  mismatch: {
    helps: "rows like those of validation, collected or made by matching augmentation; or pool and split again",
    idle: "more rows of the training distribution will not help",
  },
  "over-tuning": {
    helps: "a new, larger validation set: this one has been decided by too often",
    idle: "choosing among more models by this validation set will not help",
  },
};

const sources: Readonly<Record<Reference["source"], string>> = {
  bayes: "Bayes error, as given",
  human: "people's error",
  target: "the target",
};

export interface Told {
  /** One line a gap, by its name. */
  readonly lines: readonly { readonly rule: GapName; readonly verdict: Gap["verdict"]; readonly text: string }[];
  /** `high bias and high variance`, `low bias, low variance`. */
  readonly summary: string;
  /** What to do first, and why; left out where nothing is high. */
  readonly first?: string;
  /** What makes the verdicts themselves doubtful. */
  readonly warnings: readonly string[];
}

/** A diagnosis for people. @param unit of the errors */
export function tellGaps(gaps: readonly Gap[], errors: Errors, reference: Reference | undefined, unit: "share" | "number" = "share"): Told {
  const first = firstGap(gaps);
  const beaten = beatsReference(errors, reference);
  return {
    lines: gaps.map((gap) => ({ rule: gap.rule, verdict: gap.verdict, text: gapText(gap, unit) })),
    summary: summaryOf(gaps),
    ...(first ? { first: `${first.rule}: ${remedies[first.rule].helps}; ${remedies[first.rule].idle}` } : {}),
    warnings: beaten
      ? [
          `the validation error lies below ${sources[reference!.source]}: that is set too high, or validation is easier, or rows have leaked (gradus audit)`,
        ]
      : [],
  };
}

function gapText({ gap, limit, times, because, verdict }: Gap, unit: "share" | "number"): string {
  if (!gap) return because ?? "";
  const scale = unit === "share" ? 100 : 1;
  const of = (value: number) => signed(value * scale, unit);
  const measured = `${of(gap.value)}, ${of(gap.low)} … ${of(gap.high)}${unit === "share" ? " points" : ""} against ${short(Number((scale * limit).toPrecision(3)))}`;
  const more = verdict === "cannot tell" && times !== undefined ? [timesText(times)] : [];
  return [measured, ...more, ...(because === undefined ? [] : [because])].join("; ");
}

function timesText(times: number): string {
  if (times > 1e4) return "no number of rows in reach would settle it: the gap is about the limit";
  const rounded = times < 9.5 ? times.toFixed(1).replace(/\.0$/, "") : grouped(Number(times.toPrecision(2)));
  return `about ${rounded} × the rows would settle it`;
}

function signed(value: number, unit: "share" | "number"): string {
  const text = unit === "share" ? Math.abs(value).toFixed(1) : short(Math.abs(value));
  return value < 0 && Number(text) !== 0 ? minus(`-${text}`) : `+${text}`;
}

/** What is told of bias and variance in the lecture's words. */
function summaryOf(gaps: readonly Gap[]): string {
  const word = (rule: GapName): string => {
    const verdict = gaps.find((gap) => gap.rule === rule)?.verdict;
    return verdict === "high" ? `high ${rule}` : verdict === "fine" ? `low ${rule}` : `${rule}: ${verdict ?? "not measured"}`;
  };
  const others = gapNames.slice(2).filter((rule) => gaps.some((gap) => gap.rule === rule && gap.verdict === "high"));
  const [bias, variance] = [word("bias"), word("variance")];
  const both = bias.startsWith("high") && variance.startsWith("high") ? `${bias} and ${variance}` : `${bias}, ${variance}`;
  return [both, ...others.map((rule) => `high ${rule}`)].join(", ");
}

/** A reference that is known exactly. */
export const exactly = (value: number): Interval => ({ value, low: value, high: value, n: Infinity });
