/** Writes docs/benchmarks.md from the results: nothing in it is typed by hand. */
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { AccuracyResult, AccuracyRow, Summary } from "./accuracy.ts";
import type { AugmentationResult } from "./augmentation.ts";
import type { Interval } from "../src/util/statistics.ts";
import type { CheckResult, CheckRow, CheckSide } from "./check.ts";
import type { DataResult, DataRow, DataSide } from "./data.ts";
import type { ExportResult, ExportRow } from "./export.ts";
import type { QualityResult, QualityRow } from "./quality.ts";
import type { ScoreResult } from "./score.ts";
import { again, where, type Stored } from "./report-text.ts";
import type { RegulariserResult } from "./regularisers.ts";
import type { OverheadResult } from "./overhead.ts";
import { overheadSection } from "./report-overhead.ts";
import { regulariserSection } from "./report-regularisers.ts";
import { scoreSection } from "./report-score.ts";
import type { Comparison, SpeedResult } from "./speed.ts";
import { validationRows, type TrainingComparison, type TrainingResult } from "./training.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

export async function writeReport(): Promise<void> {
  const speed = await stored<SpeedResult>("speed");
  const architectures = await stored<SpeedResult>("architectures");
  const regularized = await stored<SpeedResult>("regularized");
  const quality = await stored<QualityResult>("quality");
  const accuracy = await stored<AccuracyResult>("accuracy");
  const score = await stored<ScoreResult>("score");
  const regularisers = await stored<RegulariserResult>("regularisers");
  const augmentation = await stored<AugmentationResult>("augmentation");
  const training = await stored<TrainingResult>("training");
  const overhead = await stored<OverheadResult>("overhead");
  const checks = await stored<CheckResult>("check");
  const data = await stored<DataResult>("data");
  const exported = await stored<ExportResult>("export");
  const sections = [
    heading(),
    ...(speed ? speedSection(speed) : []),
    ...(architectures ? architectureSection(architectures) : []),
    ...(regularized ? regularizedSection(regularized) : []),
    ...(training ? trainingSection(training) : []),
    ...(overhead ? overheadSection(overhead) : []),
    ...(checks ? checkSection(checks) : []),
    ...(data ? dataSection(data) : []),
    ...(exported ? exportSection(exported) : []),
    ...(quality ? qualitySection(quality) : []),
    ...(augmentation ? augmentationSection(augmentation) : []),
    ...(accuracy ? accuracySection(accuracy) : []),
    ...(score ? scoreSection(score) : []),
    ...(regularisers ? regulariserSection(regularisers) : []),
  ];
  await writeFile(path("../docs/benchmarks.md"), `${sections.join("\n\n")}\n`);
}

async function stored<T>(name: string): Promise<Stored<T> | undefined> {
  try {
    return JSON.parse(await readFile(path(`results/${name}.json`), "utf8")) as Stored<T>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function heading(): string {
  return "# Benchmarks\n\nWritten by `bench/report.ts` from `bench/results/`; the commands below measure again and rewrite this page.";
}

function speedSection(result: Stored<SpeedResult>): string[] {
  const libraries = result.cases[0]?.comparisons ?? [];
  return [
    "## One training step",
    `\`${result.command}\``,
    `A step gathers a fresh shuffled mini-batch from 10 000 rows in memory, runs forward and backward, updates every weight, and its loss
comes back to the host. Dense networks, ReLU, softmax cross-entropy. Each library runs in a process of its own, in the configuration
that was fastest in a calibration before each case. Then a block of ${result.subject}'s steps and a block of the other's take turns, the
order turned from pair to pair, with a pause between blocks; every block begins with two steps that are not counted where it has more than one.
The ratio is ${result.subject} over the other, per pair: below 1 ${result.subject} is faster. Medians; the interval of the ratio's median is that of the order
statistics, 95 %. ${where(result.machine, result.versions)}${stolen(result)}${again(result.command)}`,
    ...libraries.map(({ library, label }) => speedTable(result, library, label)),
    notes(result),
  ];
}

function architectureSection(result: Stored<SpeedResult>): string[] {
  return [
    "## One training step of other architectures",
    `\`${result.command}\``,
    `The ready architectures, batch norm and all, measured as above, the same network built in the other library; PyTorch with its images channels first
or last, whichever is faster. ${where(result.machine, result.versions)}${stolen(result)}`,
    ...(result.cases[0]?.comparisons ?? []).map(({ library, label }) => speedTable(result, library, label)),
  ];
}

function regularizedSection(result: Stored<SpeedResult>): string[] {
  return [
    "## One training step with everything that regularises",
    `\`${result.command}\``,
    `Adam with an L2 penalty of λ = 1 on the weights (PyTorch's \`weight_decay\` of λ/m), and dropout that keeps 80 % behind the same layers on both sides,
on the networks above, measured as above. ${where(result.machine, result.versions)}${stolen(result)}`,
    ...(result.cases[0]?.comparisons ?? []).map(({ library, label }) => speedTable(result, library, label)),
  ];
}

function speedTable(result: SpeedResult, library: string, label: string): string {
  const rows = result.cases.map(({ name, comparisons }) => {
    const comparison = comparisons.find((one) => one.library === library);
    return `| ${name} | ${comparisonCells(comparison)} |`;
  });
  const mean = result.geometricMeans[library];
  return [
    `### Against ${label}`,
    "",
    `| case | ${result.subject}, ms | ${label}, ms | ratio | 95 % | pairs | ${result.subject} ran with | ${label} ran with |`,
    "|---|---:|---:|---:|---|---:|---|---|",
    ...rows,
    ...(mean === undefined
      ? []
      : ["", `Geometric mean of the ratios: **${mean.toFixed(3)}** (${result.subject} is ${factor(1 / mean)} as fast).`]),
  ].join("\n");
}

function comparisonCells(comparison: Comparison | undefined): string {
  const result = comparison?.result;
  if (!result) return `missing: ${comparison?.missing ?? "not measured"} | | | | | |`;
  const { subject, peer, ratio } = result;
  return [
    milliseconds(subject.milliseconds),
    milliseconds(peer.milliseconds),
    `**${ratio.value.toFixed(3)}**`,
    `${ratio.low.toFixed(3)} … ${ratio.high.toFixed(3)}`,
    String(ratio.n),
    subject.configuration,
    peer.configuration,
  ].join(" | ");
}

function notes(result: SpeedResult): string {
  const shares = result.cases.flatMap(({ comparisons }) => comparisons.flatMap((one) => one.result?.idleShare ?? []));
  const idle =
    shares.length === 0 ? "" : `While one side ran, the waiting side used at most ${(100 * Math.max(...shares)).toFixed(1)} % of a core.\n`;
  return `${idle}PyTorch is eager, with \`zero_grad(set_to_none=True)\`, one process per combination of OpenBLAS and OpenMP threads and per
implementation of the optimizer. jax-js runs on WebAssembly, on the main thread or on workers that the benchmark lends it (Node lacks the browser's
\`Worker\`). TensorFlow.js runs on its WebAssembly or plain JavaScript backend; its binding to the native library is not compared,
since installing it downloads from outside npm. Losses of small networks come back to ${result.subject}'s host several steps at once, one per step.`;
}

function trainingSection(result: Stored<TrainingResult>): string[] {
  return [
    "## Whole trainings",
    `\`${result.command}\``,
    `From rows in memory to trained weights: set-up and compilation, every step with Adam at 0.001, and the accuracy on
${validationRows} other rows after each epoch; initial weights as each library draws them. The rows are made up: normal features, the class that a random network finds likeliest; the same
for all. ${result.subject} measures its training curve besides and keeps the best epoch, as it always does. Trainings take turns, pair by pair, each library
in the configuration whose training was fastest in a trial. Medians; accuracy after the last epoch shows that all did the same work.
${where(result.machine, result.versions)}`,
    ...result.cases.map(({ name, rows, epochs, comparisons }) =>
      [
        `### ${name}, ${rows} rows, ${epochs} epochs`,
        "",
        `| library | its training, s | accuracy | ${result.subject}, s | accuracy | ratio | 95 % | pairs | it ran with |`,
        "|---|---:|---:|---:|---:|---:|---|---:|---|",
        ...comparisons.map(trainingLine),
      ].join("\n"),
    ),
  ];
}

function trainingLine({ label, result, missing }: TrainingComparison): string {
  if (!result) return `| ${label} | missing: ${missing ?? "not measured"} | | | | | | | |`;
  const { subject, peer, ratio } = result;
  const side = ({ seconds, accuracy }: typeof peer): string[] => [seconds.toFixed(3), accuracy.toFixed(3)];
  const interval = `${ratio.low.toFixed(3)} … ${ratio.high.toFixed(3)}`;
  return `| ${[label, ...side(peer), ...side(subject), `**${ratio.value.toFixed(3)}**`, interval, ratio.n, peer.configuration].join(" | ")} |`;
}

function checkSection(result: Stored<CheckResult>): string[] {
  return [
    "## Gradient check",
    `\`${result.command}\``,
    `The same network and number of examples in float64, against \`torch.autograd.gradcheck\`: fast mode against \`fast_mode=True\`, every
coordinate against its slow mode. Random weights and rows of noise lie ready on both sides; ours counts the building of graph and gradient, the
compilation of its sessions and their release, every time. PyTorch compares one direction per tensor in fast mode; Gradus those and one over all of
them. Fast checks are timed after ten that are not counted, in processes of their own that take turns; beside them the first check of a process, in which both
load libraries and ours is compiled by Node. PyTorch runs with the thread counts that were fastest in a trial of fast checks. Medians; ratios as above.
${where(result.machine, result.versions)}${again(result.command)}`,
    [
      "| check | parameters | Gradus, s | first, s | PyTorch, s | first, s | ratio | 95 % | pairs | PyTorch ran with | limit, s |",
      "|---|---:|---:|---:|---:|---:|---:|---|---:|---|---|",
      ...result.rows.map(checkLine),
    ].join("\n"),
  ];
}

function checkLine({ name, parameters, gradus, torch, ratio, limit }: CheckRow): string {
  const side = ({ seconds, first }: CheckSide): string[] => [seconds.toPrecision(3), first?.toPrecision(3) ?? ""];
  const range = ratio && `${ratio.low.toFixed(3)} … ${ratio.high.toFixed(3)}`;
  const peer =
    torch && ratio && range
      ? [...side(torch), `**${ratio.value.toFixed(3)}**`, range, ratio.n, torch.configuration]
      : ["not measured", "", "", "", "", ""];
  const met = limit === undefined ? "" : `${limit}: ${gradus.seconds <= limit ? "met" : "missed"}`;
  return `| ${[name, parameters, ...side(gradus), ...peer, met].join(" | ")} |`;
}

function dataSection(result: Stored<DataResult>): string[] {
  return [
    "## From a file to batches",
    `\`${result.command}\``,
    `Three million flights, written once as CSV: read and typed, split, transforms fitted on the training rows, and every training row once
in shuffled float32 batches of 512 that are consumed one after the other. Against pandas and scikit-learn: \`read_csv\`, \`train_test_split\`
(stratified, as many rows set aside), \`StandardScaler\`, \`OneHotEncoder\` (sparse, made dense batch by batch), the same parts of the date, in the form
that was fastest in a trial; Gradus finds the types, looks for copies across the split and checks the values besides. A process for each
measurement, in turn; the clock starts when libraries are imported, the memory is the most that the whole process had resident. Medians; ratios as above. pandas
reads Parquet only with a package that Debian does not have. ${where(result.machine, result.versions)}${again(result.command)}`,
    [
      "| file | batches of | Gradus, s | pandas, s | ratio | 95 % | pairs | Gradus, peak MB | pandas, peak MB | ratio | pandas ran as |",
      "|---|---:|---:|---:|---:|---|---:|---:|---:|---:|---|",
      ...result.rows.map(dataLine),
    ].join("\n"),
  ];
}

function dataLine({ name, rows, gradus, pandas, ratio, memory }: DataRow): string {
  const seconds = (side: DataSide) => side.seconds.toFixed(2);
  const peak = (side: DataSide) => (side.peak / 1e6).toFixed(0);
  const head = [name, `${rows} rows`, seconds(gradus)];
  if (!pandas || !ratio || !memory) return `| ${[...head, "", "", "", "", peak(gradus), "", "", ""].join(" | ")} |`;
  const interval = `${ratio.low.toFixed(3)} … ${ratio.high.toFixed(3)}`;
  const times = [...head, seconds(pandas), `**${ratio.value.toFixed(3)}**`, interval, ratio.n];
  return `| ${[...times, peak(gradus), peak(pandas), `**${memory.value.toFixed(3)}**`, pandas.configuration].join(" | ")} |`;
}

function exportSection(result: Stored<ExportResult>): string[] {
  const line = ({ name, rows, made, columns, inputs, difference }: ExportRow) =>
    `| ${[name, columns, inputs, rows, made, `**${difference.toExponential(1)}**`, `${result.limit.toExponential()}: ${difference <= result.limit ? "met" : "missed"}`].join(" | ")} |`;
  return [
    "## Exported models",
    `\`${result.command}\``,
    `A network is trained, exported, and asked for all rows of the file as they are, by ONNX Runtime on \`model.onnx\` alone; rows are made up
besides, each column missing and each category unseen in turn and all at once. Against it the same weights in float64, fed by means, deviations, categories and
indicators that SQL computes from the training rows. The largest difference of any probability, or of an amount in deviations. ${where(result.machine, result.versions)}`,
    [
      "| model | columns | inputs | rows | made up | largest difference | limit |",
      "|---|---:|---:|---:|---:|---:|---|",
      ...result.rows.map(line),
    ].join("\n"),
  ];
}

function qualitySection({ command, machine, versions, rows }: Stored<QualityResult>): string[] {
  const figures = ({ value, low, high }: QualityRow["figure"]): string => {
    const digits = Math.abs(value) >= 10 ? 0 : 4;
    return `${value.toFixed(digits)} | ${low.toFixed(digits)} … ${high.toFixed(digits)}`;
  };
  return [
    "## Ready architectures on real data",
    `\`${command}\``,
    where(machine, versions ?? {}),
    [
      "| data | what | figure | 95 % | wanted | training, s |",
      "|---|---|---:|---|---|---:|",
      ...rows.map(
        ({ name, what, figure, wanted, met, seconds }) =>
          `| ${name} | ${what} | ${figures(figure)} | ${wanted}: ${met === undefined ? "cannot tell" : met ? "met" : "missed"} | ${seconds.toFixed(0)} |`,
      ),
    ].join("\n"),
  ];
}

function augmentationSection({ command, machine, cores, versions, rates, steps }: Stored<AugmentationResult>): string[] {
  const whole = (value: number | undefined): string => (value === undefined ? "" : value.toFixed(0));
  return [
    "## Augmentation",
    `\`${command}\``,
    `Images a second, float32 in and out, from random images in memory; median of passes, the first not counted. Pillow mirrors, turns (bilinear)
and crops images of 8 bits a channel one after the other, in one process and in ${cores}. ${where(machine, versions)}`,
    [
      `| images | list | one thread | ${cores} cores | Pillow, one process | Pillow, ${cores} processes |`,
      "|---|---|---:|---:|---:|---:|",
      ...rates.map(
        ({ images, list, alone, together, pillow }) =>
          `| ${images} | \`${list}\` | ${whole(alone)} | ${whole(together)} | ${whole(pillow?.alone)} | ${whole(pillow?.together)} |`,
      ),
    ].join("\n"),
    `Steps of the ready \`cnn\` with AdamW on such images, with and without, in blocks that take turns; the ratio is with over without, per pair.
Wanted: at most 1.15.`,
    [
      "| images | batch | list | without, ms | with, ms | ratio | 95 % | pairs |",
      "|---|---:|---|---:|---:|---:|---|---:|",
      ...steps.map(
        (row) =>
          `| ${row.images} | ${row.batch} | \`${row.list}\` | ${milliseconds(row.without)} | ${milliseconds(row.with)} | **${row.ratio.value.toFixed(3)}** | ${row.ratio.low.toFixed(3)} … ${row.ratio.high.toFixed(3)} | ${row.ratio.n} |`,
      ),
    ].join("\n"),
  ];
}

function accuracySection(result: Stored<AccuracyResult>): string[] {
  const names = result.rows.map(({ name }) => name).join(", ");
  return [
    "## Held-out quality and time to fit",
    `\`${result.command}\``,
    `${names}: hidden layers of ${result.hiddenLayers.join(" and ")} units on both sides, the same design matrix and the same test rows for each split seed. Gradus is given
nothing but layers and epochs; it keeps the weights of the best validation epoch. scikit-learn's \`MLPClassifier\` and \`MLPRegressor\` stop early, defaults otherwise, and take
a tenth of the rows they are given to stop by: of Gradus's training part, without the validation part that Gradus chooses its epoch by, or,
in the column "given both", of the two parts together. Scores on the test part: accuracy, or R² (of the logarithm for diamonds); mean
over seeds, paired differences with Student's 95 % interval. Times are of fitting alone: the median to the end, and the median until the score on the
validation part first reaches the one scikit-learn ends with on the same seed (a run that never does counts as the longest fit of the case; scikit-learn's scores on that
part after each epoch are taken off its clock, Gradus's are on its own). ${where(result.machine, result.versions)}${again(result.command)}`,
    [
      "| data | metric | seeds | Gradus | scikit-learn | difference | 95 % | given both: difference, 95 % | Gradus fit, s (epochs) | scikit-learn fit, s (epochs) | score to reach | Gradus, s (reached) | scikit-learn, s (reached) |",
      "|---|---|---:|---:|---:|---:|---|---|---:|---:|---:|---:|---:|",
      ...result.rows.map(accuracyLine),
    ].join("\n"),
  ];
}

function accuracyLine({ name, metric, gradus, sklearn, difference, differenceToAll, threshold, missing }: AccuracyRow): string {
  const fit = (side: Summary): string => `${side.fitSeconds.toFixed(2)} (${side.medianEpochs})`;
  const reach = (side: Summary): string => `${side.reachSeconds!.toFixed(2)} (${side.reached})`;
  const head = [name, metric, gradus.tests.length, gradus.test.toFixed(4)];
  if (!sklearn || !difference || threshold === undefined) {
    return `| ${[...head, `missing: ${missing ?? "not measured"}`, "", "", "", fit(gradus), "", "", "", ""].join(" | ")} |`;
  }
  const range = ({ low, high }: Interval): string => `${signed(low)} … ${signed(high)}`;
  const all = differenceToAll ? `${signed(differenceToAll.value)}, ${range(differenceToAll)}` : "not measured";
  const cells = [
    ...head,
    sklearn.test.toFixed(4),
    signed(difference.value),
    range(difference),
    all,
    fit(gradus),
    fit(sklearn),
    threshold.toFixed(4),
  ];
  return `| ${[...cells, reach(gradus), reach(sklearn)].join(" | ")} |`;
}

function stolen({ stolen: share }: SpeedResult): string {
  return share === undefined || share < 0.001
    ? ""
    : ` The host gave ${(100 * share).toFixed(1)} % of the processor time to others meanwhile.`;
}

function milliseconds(value: number): string {
  return value < 1 ? value.toFixed(3) : value.toPrecision(4);
}

function factor(value: number): string {
  return `${value.toPrecision(value < 10 ? 2 : 3)} times`;
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
}
