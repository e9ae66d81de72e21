/** `gradus check`: the rules before training; the gradient of an experiment's network, or of a run's, against differences in float64. */
import { access, constants, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { stepRange } from "../../check/check.ts";
import { gradientPicture } from "../../check/picture.ts";
import { penaltyOf } from "../../check/subject.ts";
import { checkProblem, defaultExamples, type StageCheck } from "../../check/protocol.ts";
import { preflight } from "../../preflight/preflight.ts";
import { rules as allRules } from "../../preflight/rules/index.ts";
import { measureSignal } from "../../preflight/signal.ts";
import { profilePicture } from "../../preflight/signal-picture.ts";
import { optimizerByName } from "../../optim/optimizers/index.ts";
import { loadRunExperiment, loadRunModel, loadRunSplit } from "../../store/load-run.ts";
import { readModelFile } from "../../store/onnx-file.ts";
import { checkFingerprint, readSplitFile, storedRows } from "../../store/split-file.ts";
import { checkExperiment } from "../../train/experiment-file.ts";
import { experimentProblem, modelProblem, type ExperimentProblem } from "../../train/experiment-problem.ts";
import { readExperimentTable } from "../../train/experiment-run.ts";
import { layoutOf } from "../../train/step-graph.ts";
import { GradusError } from "../../util/errors.ts";
import type { Action, OptionValues } from "../command.ts";
import { readExperimentSource } from "../experiment-source.ts";
import { ruleLines, ruleSummary } from "../render/findings.ts";
import { counted, grouped } from "../render/format.ts";
import { line } from "../render/lines.ts";
import { checkEvent, checkHead, checkLines, checkSummary } from "../render/check.ts";
import { paint } from "../render/paint.ts";

/** Rows that the burn-in trains on, and the checked ones are taken from. */
const preparedRows = 2048;

export const checkAction: Action = async ({ arguments: [subject = ""], options }, { terminal, json, emit }) => {
  const p = paint(terminal.color);
  const { examples, step, picture } = numbersOf(options);
  const { experiment, problem, data, trainRows, trained } = (await isFolder(subject)) ? await ofRun(subject) : await ofExperiment(subject);
  for (const path of [picture, options["signal"]]) if (typeof path === "string") await checkPicture(path);
  const { kind, learningRate, schedule: _, ...settings } = experiment.optimizer;
  const optimizer = { optimizer: optimizerByName(kind, settings), learningRate };
  const say = (lines: readonly string[]) => {
    if (!json) terminal.out(lines.map((text) => `${text}\n`).join(""));
  };
  const rules = options["preflight"] === false ? undefined : await preflight(problem, data, { seed: experiment.seed });
  if (rules) {
    const { checked, findings, seconds } = rules;
    emit({ type: "preflight", checked, findings, seconds });
    const sample = `${grouped(data.features.shape[0]!)} of ${counted(trainRows, "training row")}`;
    say([line("before training", `${counted(checked.length, "rule")} on ${sample}`, terminal.width), ""]);
    say([...ruleLines(findings, titles, terminal.width, p), ""]);
  }
  const { signal } = options;
  if (typeof signal === "string") {
    const profile = await measureSignal(problem, data, { seed: experiment.seed });
    await writePicture(signal, profilePicture(profile, `The signal by depth: ${subject}`));
  }
  const penalty = penaltyOf(experiment.regularizer, layoutOf(problem), trainRows);
  let first: StageCheck | undefined;
  const result = await checkProblem(problem, data, {
    seed: experiment.seed,
    mode: options["fast"] === true ? "fast" : "full",
    examples,
    ...(step === undefined ? {} : { step }),
    optimizer,
    ...(penalty ? { penalty } : {}),
    ...(trained ? { trained } : {}),
    onCheck(found) {
      emit({ type: "check", ...checkEvent(found) });
      if (!first) say(checkHead(found, { subject, examples: Math.min(examples, data.features.shape[0]!), trainRows }, terminal.width));
      say(checkLines(found, { whole: !first, width: terminal.width }, p));
      first ??= found;
    },
  });
  if (picture !== undefined) {
    const shown = result.checks.find(({ passed }) => !passed) ?? result.checks[result.checks.length - 1]!;
    await writePicture(picture, gradientPicture(shown, { title: `${subject}, ${shown.moment}` }));
  }
  const { parameters, seconds } = result;
  const passed = result.passed && rules?.severity !== "fail";
  emit({
    type: "result",
    command: "check",
    subject,
    parameters,
    examples: result.examples,
    checks: result.checks.length,
    verdict: result.verdict,
    passed,
    findings: rules?.findings.filter(({ severity }) => severity !== "pass") ?? [],
    seconds: seconds + (rules?.seconds ?? 0),
    ...(picture === undefined ? {} : { picture }),
  });
  say(checkSummary(result, picture, terminal.width, p));
  if (rules) say(ruleSummary(rules.findings, terminal.width, p));
  return passed ? 0 : 1;
};

const titles = new Map(allRules.map(({ name, title }) => [name, title]));

/** @throws GradusError where a picture could not be written, before anything is computed for it */
async function checkPicture(path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  // The point asks for a folder: a file in its place is none.
  const error = found?.isDirectory() ? { code: "EISDIR" } : await access(found ? path : `${dirname(path)}/.`, constants.W_OK).catch(pass);
  if (error) throw unwritable(path, error as NodeJS.ErrnoException);
}

const pass = (error: unknown) => error;

const unwritable = (path: string, cause: { readonly code?: string | undefined }) =>
  new GradusError(`the picture ${path} cannot be written (${cause.code}).`, { cause });

async function writePicture(path: string, svg: string): Promise<void> {
  await writeFile(path, svg).catch((cause: NodeJS.ErrnoException) => {
    throw unwritable(path, cause);
  });
}

function numbersOf({ examples = String(defaultExamples), step, picture }: OptionValues) {
  const count = Number(examples);
  if (!Number.isInteger(count) || count < 1 || count > preparedRows) {
    throw new GradusError(`--examples must be a whole number from 1 to ${preparedRows}, found "${String(examples)}".`);
  }
  const h = Number(step);
  const { least, most } = stepRange;
  if (step !== undefined && !(h >= least && h <= most)) {
    throw new GradusError(`--step must be a number from ${least} to ${most}, found "${String(step)}".`, {
      hint: "1e-5; the lecture's is 1e-7",
    });
  }
  return { examples: count, step: step === undefined ? undefined : h, picture: typeof picture === "string" ? picture : undefined };
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

type Checked = ExperimentProblem & { readonly trained?: Float32Array };

async function ofExperiment(path: string): Promise<Checked> {
  return experimentProblem(checkExperiment(await readExperimentSource(path)), preparedRows, {
    readModel: readModelFile,
    readSplit: readSplitFile,
  });
}

async function ofRun(run: string): Promise<Checked> {
  const [experiment, model, split] = [await loadRunExperiment(run), await loadRunModel(run), await loadRunSplit(run)];
  const table = await readExperimentTable(experiment);
  checkFingerprint(split, table.source, run);
  return {
    ...(await modelProblem(model, table, storedRows(split, "train"), experiment.seed, preparedRows)),
    experiment,
    trained: model.theta,
  };
}
