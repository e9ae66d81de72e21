/** The gradient check as a person reads it, and as `--json` prints it. */
import { bandOf } from "../../check/relative-error.ts";
import type { Fault } from "../../check/locate.ts";
import type { NonFinite } from "../../check/non-finite.ts";
import type { ProblemCheck, StageCheck } from "../../check/protocol.ts";
import type { TensorCheck } from "../../check/tensor-check.ts";
import { counted, duration, grouped, short } from "./format.ts";
import { columns, line } from "./lines.ts";
import type { Paint } from "./paint.ts";

/** What is checked, in two lines. */
export function checkHead(
  { step, executor, float32Only, tensors }: StageCheck,
  { subject, examples, trainRows }: { readonly subject: string; readonly examples: number; readonly trainRows: number },
  width: number,
): string[] {
  const parameters = tensors.reduce((sum, { size }) => sum + size, 0);
  const head = [
    line("gradient check", `${subject} · ${counted(parameters, "parameter")} in ${counted(tensors.length, "tensor")}`, width),
    line("compared", `what back-propagation says with (J(θ + ε) − J(θ − ε)) / 2ε · ε = ${short(step)} · max(1, |θ|)`, width),
    line("on", `${examples} of ${counted(trainRows, "training row")} · ${executor}`, width),
  ];
  if (float32Only.length > 0) {
    head.push(
      line(
        "float32",
        `${float32Only.join(", ")} compute in float32 only: differences of their results are coarse, so is this check`,
        width,
      ),
    );
  }
  return [...head, ""];
}

/** A check's table, or one line where all is well and it is not the first. */
export function checkLines(check: StageCheck, { whole, width }: { readonly whole: boolean; readonly width: number }, p: Paint): string[] {
  const label = `${check.moment}${check.part === "data" ? "" : check.part === "penalty" ? ", penalty alone" : ", with the penalty"}`;
  const named = `${label}${check.mode === "training" ? ", as in training (masks frozen)" : ""}`;
  if (!check.deterministic) {
    const text = "the same point gave two different losses or gradients: nothing can be compared until that is mended";
    return [line(named, p.red(text), width)];
  }
  if (check.nonFinite) return [line(named, p.red(`not compared: ${nonFiniteText(check.loss, check.nonFinite)}`), width)];
  const chosen = whole ? check.tensors : check.tensors.filter(({ verdict }) => verdict === "failed");
  const words = { right: p.green("right"), wrong: p.red("wrong"), untested: p.yellow("not tested") };
  const error = check.verdict === "untested" ? "no slope to compare" : `relative error ${short(check.error)} (${bandOf(check.error)})`;
  const summary = `${named}: ${words[check.verdict]} · ${error}`;
  if (chosen.length === 0) return [`  ${summary}`];
  const rows = chosen.map((tensor) => [
    tensor.name,
    compared(tensor),
    short(tensor.error),
    short(tensor.floor),
    worstOf(tensor),
    verdictOf(tensor, p),
  ]);
  const head = ["tensor", "compared", "error", "floor", "worst coordinate", "verdict"].map((text) => p.dim(text));
  const table = columns([head, ...rows]);
  return [...table, `  ${summary}`, ...(check.fault ? [line("where", placeOf(check.fault), width)] : [])];
}

function compared({ coordinates, directions, size }: TensorCheck): string {
  const parts = [
    ...(coordinates > 0 || directions === 0 ? [coordinates === size ? grouped(size) : `${grouped(coordinates)} of ${grouped(size)}`] : []),
    ...(directions > 0 ? [counted(directions, "direction")] : []),
  ];
  return parts.join(", ");
}

function worstOf({ worst }: TensorCheck): string {
  return worst ? `[${worst.index.join(", ")}]  ${digits(worst.analytic)} / ${digits(worst.numeric)}` : "";
}

const digits = (value: number) =>
  value
    .toPrecision(6)
    .replace(/^-/, "−")
    .replace(/e(.)(\d+)$/, "e$1$2")
    .replace("e-", "e−");

function verdictOf({ verdict, reason, kinks }: TensorCheck, p: Paint): string {
  const skipped = kinks > 0 ? `${kinks} at a kink, skipped` : "";
  const notes = [reason, skipped].filter(Boolean).join("; ");
  const words = { passed: p.green("right"), failed: p.red("wrong"), untested: p.yellow("untested"), kink: p.yellow("at a kink") };
  return `${words[verdict]}${notes ? ` (${notes})` : ""}`;
}

/** Where it goes wrong, in a sentence. */
export function placeOf({ operator, layer, input, error, rule }: Fault): string {
  const where = `${operator}${layer ? ` in ${layer}` : ""}`;
  const what = typeof input === "string" ? `the gradient of ${input}` : `what it hands back to its input ${input}`;
  const cause = rule ? `${operator}'s gradient rule is wrong` : "its rule is right by itself, so what is made of it afterwards is wrong";
  return `${where}: what comes in from the loss is right, ${what} is off by ${short(error)}; ${cause}`;
}

/** Why there is nothing to compare, and where it begins. */
function nonFiniteText(loss: number, { tensor, source, layer }: NonFinite): string {
  const what = Number.isFinite(loss) ? "the gradient is not finite" : `the loss is ${short(loss)}`;
  const from = {
    parameter: `the weights ${tensor} are not all finite`,
    input: `the data (${tensor}) are not all finite`,
    operator: `${tensor}${layer === undefined ? "" : ` in ${layer}`} is the first that makes numbers that are not finite`,
  };
  return `${what} at this point: ${from[source]}`;
}

/** The last lines. */
export function checkSummary({ checks, verdict, seconds }: ProblemCheck, picture: string | undefined, width: number, p: Paint): string[] {
  const tensors = checks.flatMap((check) => check.tensors);
  const untested = [...new Set(tensors.filter(({ verdict }) => verdict === "untested" || verdict === "kink").map(({ name }) => name))];
  const worst = tensors.reduce(
    (most, { verdict, error, threshold }) => (verdict === "passed" ? Math.max(most, error / (threshold / 100)) : most),
    0,
  );
  const broken = checks.some(({ nonFinite }) => nonFinite);
  const found = checks.some(({ verdict, nonFinite }) => verdict === "wrong" && !nonFinite);
  const text = {
    right: `${p.green("right")}: no error above ${short(Math.max(1, worst))} × the floor that rounding and ε predict; 100 × would be wrong`,
    wrong: p.red(
      broken && !found
        ? "not tested: numbers that are not finite, see above"
        : "wrong: an error above 100 × the floor that rounding and ε predict",
    ),
    untested: p.red("not tested: in no tensor a slope that could be told from noise"),
  }[verdict];
  return [
    "",
    line("gradients", `${text} · ${duration(seconds)}`, width),
    ...(untested.length > 0 ? [line("not tested", `${untested.join(", ")}: no slope to compare`, width)] : []),
    ...(picture === undefined ? [] : [line("picture", picture, width)]),
  ];
}

/** One check as a `--json` event, its compared numbers left out. */
export function checkEvent({ tensors, ...check }: StageCheck) {
  return { ...check, tensors: tensors.map((tensor) => ({ ...tensor, points: undefined })) };
}
