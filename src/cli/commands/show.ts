import type { Command } from "../command.ts";

export const show: Command = {
  name: "show",
  summary: "what a run was and what came of it",
  arguments: [{ name: "<run>", description: "a run folder" }],
  options: [],
  examples: ["gradus show runs/quiet-otter"],
  load: async () => (await import("./show-action.ts")).showAction,
};
