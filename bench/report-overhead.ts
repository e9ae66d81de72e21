/** What monitors and checkpoints cost, as a section of docs/benchmarks.md. */
import type { Interval } from "../src/util/statistics.ts";
import type { OverheadResult } from "./overhead.ts";
import { again, where, type Stored } from "./report-text.ts";

const ratio = ({ value, low, high }: Interval): string => `${value.toFixed(3)} | ${low.toFixed(3)} – ${high.toFixed(3)}`;

export function overheadSection({ command, machine, versions, rows }: Stored<OverheadResult>): string[] {
  return [
    "## Monitors and checkpoints",
    `\`${command}\``,
    `Two equal trainings take turns epoch by epoch, one of them with monitors at their default schedule, or with checkpoints every 10 s of its
own time. *Whole* is its time over the other's, summed over all epochs: the looks at the first steps and all compiling are in it, and the interval is a
bootstrap over pairs. *An epoch* is the median of the pairs' ratios. Wanted: the upper end of *whole* at most 1.05 for monitors, 1.02 for
checkpoints. ${where(machine, versions)}${again(command)}`,
    [
      "| training | steps an epoch | s an epoch | whole | 95 % | an epoch | 95 % | pairs | wanted | |",
      "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|",
      ...rows.map(
        ({ name, stepsPerEpoch, seconds, whole, epoch, limit }) =>
          `| ${name} | ${stepsPerEpoch} | ${seconds.toFixed(2)} | ${ratio(whole)} | ${ratio(epoch)} | ${whole.n} | ${(1 + limit).toFixed(2)} | ${whole.high <= 1 + limit ? "yes" : "no"} |`,
      ),
    ].join("\n"),
  ];
}
