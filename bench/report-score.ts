/** The section of times to a score. */
import type { Interval } from "../src/util/statistics.ts";
import { again, where, type Stored } from "./report-text.ts";
import type { ScoreResult, ScoreRow, ScoreSide } from "./score.ts";

export function scoreSection({ command, machine, versions, hiddenLayers, rows }: Stored<ScoreResult>): string[] {
  return [
    "## Time to a score",
    `\`${command}\``,
    `Dense networks of ${hiddenLayers.join(" and ")} hidden units, trained until the accuracy on rows that are not trained on is high enough. Rows lie standardised in memory,
the same for all; counted are set-up, loading, every step, and the scoring of the same rows after each epoch (Gradus measures its training curve
besides). Gradus trains as it does where nothing is said (AdamW, cosine over the epochs of the plan); PyTorch and TensorFlow.js with Adam at 0.001, scikit-learn's \`MLPClassifier\`
with its defaults, going on while its loss stands still. Each library has the batch size, among those named and its own default, that got there first in a run that
does not count, and the threads, implementation and way to load (PyTorch: rows picked by index, or a \`DataLoader\` of a \`TensorDataset\` with 0 or 2 workers) of the
fastest epoch of a trial. Runs take turns, in an order that turns from seed to seed. Medians over seeds; a run that does not get there within the limit or the epochs of the plan counts as the limit,
and a library whose first runs all did is given up. Intervals of the median and of the ratio's, per seed, by order statistics, 95 % (the whole range below six). ${where(machine, versions)}${again(command)}`,
    ...rows.map(scoreTable),
  ];
}

function scoreTable({ name, train, validation, score, finals, limit, epochs, sides }: ScoreRow): string {
  const why = finals ? `, the median that scikit-learn's own fits end with over ${finals.length} seeds` : "";
  return [
    `### ${name}: accuracy ${score.toFixed(4)}`,
    "",
    `${train} rows to train on, ${validation} to score${why}; ${epochs} epochs planned, limit ${limit} s.`,
    "",
    "| library | time, s | 95 % | reached | epochs | Gradus over it | 95 % | ran with |",
    "|---|---:|---|---:|---:|---:|---|---|",
    ...sides.map(scoreLine),
  ].join("\n");
}

function scoreLine({ label, missing, configuration, runs, seconds, ratio }: ScoreSide): string {
  if (!runs || !seconds) return `| ${label} | missing: ${missing ?? "not measured"} | | | | | | |`;
  const range = ({ low, high }: Interval) => `${low.toFixed(3)} … ${high.toFixed(3)}`;
  const epochs = runs.map((run) => run.epochs).toSorted((a, b) => a - b)[runs.length >> 1];
  const reached = `${runs.filter((run) => run.reached).length} of ${runs.length}`;
  const against = ratio ? [`**${ratio.value.toFixed(3)}**`, range(ratio)] : ["", ""];
  return `| ${[label, seconds.value.toFixed(3), range(seconds), reached, epochs, ...against, configuration].join(" | ")} |`;
}
