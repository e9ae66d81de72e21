/** `gradus diagnose`: the four gaps of a run, or of errors that are given. */
import { judgeGaps, type Errors, type Reference } from "../../diagnose/gaps.ts";
import { exactly, tellGaps } from "../../diagnose/words.ts";
import { loadRunResult } from "../../store/load-run.ts";
import { readOpenings } from "../../store/test-openings.ts";
import type { Metrics } from "../../train/experiment-events.ts";
import { GradusError } from "../../util/errors.ts";
import { formatInterval, unitOf } from "../../util/format.ts";
import { wilsonInterval, type Interval } from "../../util/statistics.ts";
import type { Action, OptionValues } from "../command.ts";
import { grouped } from "../render/format.ts";
import { columns, line } from "../render/lines.ts";
import { paint } from "../render/paint.ts";

const given = ["train", "trainDev", "validation", "test"] as const;
const names = { train: "train", trainDev: "train-dev", validation: "validation", test: "test" } as const;
const colours = { high: "red", fine: "green", "cannot tell": "yellow", "not measured": "dim" } as const;

export const diagnoseAction: Action = async ({ arguments: [run], options }, { terminal, json, emit }) => {
  const { errors, metric } = run === undefined ? { errors: givenErrors(options), metric: "error" } : await errorsOf(run, options);
  const unit = unitOf(metric);
  const reference = referenceOf(options, unit);
  const limit = limitOf(options, unit);
  const gaps = judgeGaps(errors, { reference, limit, unit });
  const told = tellGaps(gaps, errors, reference, unit);
  emit({
    type: "result",
    command: "diagnose",
    ...(run === undefined ? {} : { run }),
    metric,
    errors: Object.fromEntries(Object.entries(errors).filter(([, error]) => error !== undefined)),
    ...(reference ? { reference: { source: reference.source, ...finite(reference.error) } } : {}),
    gaps: gaps.map(({ rule, verdict, gap, limit, times, because }) => ({
      rule,
      verdict,
      limit,
      ...(gap ? { gap: finite(gap) } : {}),
      ...(times !== undefined && Number.isFinite(times) ? { times } : {}),
      ...(because === undefined ? {} : { because }),
    })),
    summary: told.summary,
    ...(told.first === undefined ? {} : { first: told.first }),
    warnings: told.warnings,
  });
  if (json) return 0;
  const p = paint(terminal.color);
  const { width } = terminal;
  const rows = given.flatMap((part) => {
    const error = errors[part];
    if (!error) return [];
    const { value, range } = formatInterval(error, unit);
    return [[names[part], value, range, grouped(error.n)]];
  });
  const says = told.lines.map(({ rule, verdict, text }) =>
    line(rule, `${p[colours[verdict]](verdict)}${text === "" ? "" : `: ${text}`}`, width),
  );
  terminal.out(
    `${[
      ...columns([["", metric, "95 % interval", "n"], ...rows]),
      "",
      ...says,
      ...told.warnings.map((warning) => line(p.yellow("warning"), warning, width)),
      "",
      line("diagnosis", p.bold(told.summary), width),
      line(
        "next",
        told.first ??
          nextOf(
            gaps.map(({ verdict }) => verdict),
            reference !== undefined,
            run,
          ),
        width,
      ),
    ].join("\n")}\n`,
  );
  return 0;
};

/** JSON knows no infinity: what is exact has no number of examples. */
const finite = ({ value, low, high, n }: Interval) => ({ value, low, high, ...(Number.isFinite(n) ? { n } : {}) });

function nextOf(verdicts: readonly string[], reference: boolean, run: string | undefined): string {
  if (!reference) return "a reference settles bias: --bayes-error 5%, --human-error 12/400 or --target-error 5%";
  if (verdicts.slice(0, 2).includes("cannot tell"))
    return "more rows to measure on, before anything is changed: what cannot be told now may be noise";
  return run === undefined ? "nothing: no gap is high" : `nothing to mend that was measured: gradus evaluate ${run} --test`;
}

/** `100/10000` */
function countOf(text: string | boolean | undefined, flag: string): Interval | undefined {
  if (text === undefined) return undefined;
  const [, count, n] = /^\s*(\d+)\s*\/\s*(\d+)\s*$/.exec(String(text)) ?? [];
  if (count === undefined || Number(n) === 0 || Number(count) > Number(n))
    throw new GradusError(`${flag} is wrong answers of examples, e.g. 110/1000; found "${String(text)}".`, {
      hint: "a share alone has no interval: say of how many examples it is.",
    });
  return wilsonInterval(Number(count), Number(n));
}

function givenErrors(options: OptionValues): Errors {
  const { train, trainDev, validation, test } = Object.fromEntries(
    given.map((part) => [part, countOf(options[part], `--${names[part]}`)]),
  ) as Record<(typeof given)[number], Interval | undefined>;
  if (!train || !validation)
    throw new GradusError("a diagnosis needs a run, or errors of training and validation.", {
      hint: "gradus diagnose runs/NAME, or --train 100/10000 --validation 1100/10000",
    });
  return { train, trainDev, validation, test };
}

async function errorsOf(run: string, options: OptionValues): Promise<{ errors: Errors; metric: string }> {
  const extra = given.find((part) => options[part] !== undefined);
  if (extra !== undefined)
    throw new GradusError(`--${names[extra]} is for a diagnosis without a run; ${run} has its own errors.`, {
      hint: "leave out one of them.",
    });
  const { task, metrics } = await loadRunResult(run);
  const metric = task === "classification" ? "error" : "rmse";
  const of = (part: Metrics | undefined): Interval | undefined => part?.[metric];
  const { openings } = await readOpenings(run);
  const [train, validation] = [of(metrics.train), of(metrics.validation)];
  if (!train || !validation) throw new GradusError(`${run} holds no ${metric} of training and validation.`);
  return { errors: { train, trainDev: of(metrics.trainDev), validation, test: of(openings.at(-1)?.metrics) }, metric };
}

/** `0.05`, `5%`; of amounts any number of at least 0. */
function errorOf(text: string, flag: string, unit: "share" | "number"): number {
  const [, number, percent] = /^\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*$/.exec(text) ?? [];
  const value = percent ? Number(number) / 100 : Number(number);
  if (number === undefined || (unit === "share" && value > 1))
    throw new GradusError(
      unit === "share"
        ? `${flag} is a share from 0 to 1, or a percentage; found "${text}".`
        : `${flag} is a number of at least 0; found "${text}".`,
      { hint: unit === "share" ? "e.g. 0.05 or 5%" : "in the unit of the target, as the root mean squared error is." },
    );
  return value;
}

function referenceOf(options: OptionValues, unit: "share" | "number"): Reference | undefined {
  const flags = (["bayesError", "humanError", "targetError"] as const).filter((name) => options[name] !== undefined);
  if (flags.length > 1)
    throw new GradusError("one reference is enough: --bayes-error, --human-error and --target-error exclude each other.", {
      hint: "the Bayes error where it is known, else people's.",
    });
  const { bayesError, humanError, targetError } = options;
  if (bayesError !== undefined) return { source: "bayes", error: exactly(errorOf(String(bayesError), "--bayes-error", unit)) };
  if (targetError !== undefined) return { source: "target", error: exactly(errorOf(String(targetError), "--target-error", unit)) };
  if (humanError === undefined) return undefined;
  if (unit === "number")
    throw new GradusError("--human-error counts wrong answers; the target is an amount.", {
      hint: "--bayes-error with the error in the target's unit.",
    });
  return { source: "human", error: countOf(humanError, "--human-error")! };
}

function limitOf({ limit }: OptionValues, unit: "share" | "number"): number | undefined {
  if (limit === undefined) return undefined;
  const value = Number(limit);
  if (!(value > 0))
    throw new GradusError(`--limit is a number above 0, found "${String(limit)}".`, {
      hint: unit === "share" ? "in points: 2" : "in the unit of the target",
    });
  return unit === "share" ? value / 100 : value;
}
