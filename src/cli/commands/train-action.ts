/** `gradus train`: flags and file to an experiment, the experiment to a run folder, the report while it goes. */
import { preflight } from "../../preflight/preflight.ts";
import { reserveRun } from "../../store/reserve-run.ts";
import { factsOf, type RunStatus } from "../../store/run-status.ts";
import { begunFiles } from "../../store/save-run.ts";
import { checkExperiment, overrideExperiment } from "../../train/experiment-file.ts";
import type { TrainExperimentOptions } from "../../train/experiment-run.ts";
import type { Experiment } from "../../train/experiment.ts";
import type { TrainingSubject } from "../../train/fit-table.ts";
import { GradusError } from "../../util/errors.ts";
import type { Action, CommandInput } from "../command.ts";
import { readExperimentSource } from "../experiment-source.ts";
import { experimentFromFlags } from "../flags.ts";
import { checkpointOptions, runTraining, type TrainingPlace } from "../run-training.ts";
import { runtimeOptions } from "../runtime-options.ts";
import { version } from "../version.ts";

export const trainAction: Action = async (input, context) => {
  const experiment = await readExperiment(input);
  const { options } = input;
  const runtime = runtimeOptions(options);
  const checkpoints = checkpointOptions(options);
  const watch = watched(options["monitors"]);
  const reservation = await reserveRun(typeof options["out"] === "string" ? options["out"] : undefined, Date.now());
  const place: TrainingPlace = {
    async begin(begun) {
      const facts = factsOf(version, runtime.device ?? "cpu", begun);
      const started = new Date().toISOString();
      const status: RunStatus = { status: "running", started, facts, findings: begun.findings, resumed: [] };
      return { run: await reservation.begin(begunFiles(begun, status)), status };
    },
    discard: reservation.discard,
  };
  const looks = {
    lecture: options["lecture"] === true,
    profile: options["profile"] === true,
    audit: options["audit"] !== false,
    ...(options["preflight"] === false ? {} : { inspect }),
  };
  return runTraining(experiment, context, place, { ...runtime, ...looks, ...watch }, checkpoints);
};

const closeness = ["off", "default", "dense"] as const;

/** @throws GradusError for a way of watching that is none */
export function watched(given: unknown): Pick<TrainExperimentOptions, "monitors"> {
  const monitors = closeness.find((name) => name === (given ?? "default"));
  if (monitors === undefined)
    throw new GradusError(`--monitors must be one of ${closeness.join(", ")}, found ${String(given)}.`, { hint: "--monitors dense" });
  return { monitors };
}

/** The checks that take milliseconds. */
const inspect = ({ problem, train, ...options }: TrainingSubject) => preflight(problem, train, { ...options, which: "start" });

/** @throws GradusError for anything in the file or the flags that is not an experiment */
async function readExperiment({ arguments: [data], options }: CommandInput): Promise<Experiment> {
  const flags = experimentFromFlags(data, options);
  const { experiment: file } = options;
  return checkExperiment(typeof file === "string" ? overrideExperiment(await readExperimentSource(file), flags) : flags);
}
