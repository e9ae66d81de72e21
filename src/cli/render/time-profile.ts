/** Where a training's time went, as small tables; and how its threads were found. */
import type { ThreadChoice } from "../../train/threads.ts";
import type { TrainingProfile } from "../../train/profile.ts";
import { counted, duration, formatFigure, short } from "./format.ts";
import { columns, line } from "./lines.ts";

/** Operators and layers that are shown; profile.json has all. */
const most = 10;

const percent = (share: number): string => formatFigure(share, "share").padStart(7);
const ms = (milliseconds: number): string => `${milliseconds < 0.0005 ? "0" : short(milliseconds)} ms`;

/** @param run its folder */
export function profileLines({ phases, operators, layers, seconds, steps, epochs, apart }: TrainingProfile, run: string): string[] {
  const times = phases.map(({ name, share, perStep, perEpoch }) => [name, percent(share), ms(perStep), ms(perEpoch)]);
  const dearest = operators
    .slice(0, most)
    .map(({ operator, phase, calls, milliseconds, share }) => [operator, percent(share), ms(milliseconds), short(calls), phase]);
  const dearestLayers = layers
    .toSorted((a, b) => b.forward + b.backward - (a.forward + a.backward))
    .slice(0, most)
    .map(({ layer, forward, backward }) => [layer, ms(forward + backward), ms(forward), ms(backward)]);
  return [
    line("profile", `${duration(seconds)} in ${counted(steps, "step")} and ${counted(epochs, "epoch")}`),
    ...columns([["", "  share", "a step", "an epoch"], ...times]),
    ...(dearest.length > 0 ? ["", ...columns([["operator", "of calls", "a step", "runs", "phase"], ...dearest])] : []),
    ...(dearestLayers.length > 0 ? ["", ...columns([["layer", "a step", "forward", "backward"], ...dearestLayers])] : []),
    "",
    ...(apart
      ? [
          line(
            "",
            `forward, backward and operators: from ${counted(apart.steps, "step")} run apart with the runtime's profiler, on the same rows and threads, times ${short(apart.scale)} to fill the training's own calls`,
          ),
        ]
      : []),
    line("", `single steps: ${run}/trace.json, for ui.perfetto.dev or chrome://tracing`),
  ];
}

export function threadLines({ threads, tried, seconds }: ThreadChoice, width: number): string[] {
  const times = tried.toSorted((a, b) => a.threads - b.threads).map((one) => `${ms(one.milliseconds)} on ${one.threads}`);
  return [line("threads", `${threads} for a step: ${times.join(", ")}; measured in ${duration(seconds)}`, width)];
}
