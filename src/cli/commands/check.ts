import type { Command } from "../command.ts";

export const check: Command = {
  name: "check",
  summary: "the rules before training, and proof that the gradients are right, or the operator where they go wrong",
  arguments: [{ name: "<subject>", description: "an experiment file, or a run folder (then at its trained weights too)" }],
  options: [
    { flags: "--fast", description: "one random direction per tensor and one over all of them; coordinates only where one fails" },
    { flags: "--examples <n>", description: "training rows that the loss is taken on (32)" },
    {
      flags: "--step <h>",
      description: "ε of the differences, times max(1, |θ|) (1e-5, where their noise is least; the lecture's is 1e-7)",
    },
    { flags: "--signal <file>", description: "an SVG: the signal, and the gradient on its way back, by depth" },
    { flags: "--no-preflight", description: "the gradients alone" },
    { flags: "--picture <file>", description: "an SVG: analytic against numeric, a point per coordinate" },
  ],
  examples: [
    "gradus check experiment.yaml",
    "gradus check runs/quiet-otter --fast",
    "gradus check runs/quiet-otter --picture gradients.svg",
  ],
  load: async () => (await import("./check-action.ts")).checkAction,
};
