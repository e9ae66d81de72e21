import { checkpointFlags, type Command, runtimeFlags } from "../command.ts";

export const resume: Command = {
  name: "resume",
  summary: "go on with a training that was interrupted or killed, to the same weights",
  arguments: [
    { name: "<run>", description: "a run folder" },
    { name: "[data]", description: "the data file, where it is not where it was" },
  ],
  options: [
    { flags: "--force", description: "go on though data, code or platform have changed; the run records what did" },
    { flags: "--monitors <level>", description: "how closely the training is watched: off, default or dense (default)" },
    ...checkpointFlags,
    ...runtimeFlags.filter(({ flags }) => flags.startsWith("--threads")),
  ],
  examples: ["gradus resume runs/quiet-otter", "gradus resume runs/quiet-otter churn.csv"],
  interruptible: true,
  load: async () => (await import("./resume-action.ts")).resumeAction,
};
