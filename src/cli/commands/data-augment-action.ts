/** `gradus data augment`: training examples as the first epochs would see them, on a contact sheet. */
import { extname } from "node:path";
import { rasterised } from "../../data/images/rasterise.ts";
import { readSplitFile } from "../../store/split-file.ts";
import { writeWhole } from "../../store/run-folder.ts";
import { previewAugmentation } from "../../train/augment-preview.ts";
import { checkExperiment, overrideExperiment } from "../../train/experiment-file.ts";
import { readExperimentTable, sizeOf } from "../../train/experiment-run.ts";
import { splitExperiment, withSavedSplit } from "../../train/experiment-split.ts";
import { GradusError } from "../../util/errors.ts";
import { checkRanges, ranges } from "../../util/range.ts";
import type { Action } from "../command.ts";
import { readExperimentSource } from "../experiment-source.ts";
import { experimentFromFlags } from "../flags.ts";
import { contactSheet } from "../render/contact-sheet.ts";
import { counted } from "../render/format.ts";
import { line } from "../render/lines.ts";
import { paint } from "../render/paint.ts";
import { augmentationLines } from "../render/report.ts";

export const dataAugmentAction: Action = async ({ arguments: [path], options }, { terminal, json, emit }) => {
  const started = performance.now();
  const { preview: out = "augment.png", experiment: file } = options;
  const kind = extname(String(out)).toLowerCase();
  if (kind !== ".png" && kind !== ".svg") throw new GradusError(`--preview writes .png or .svg, found ${String(out)}.`);
  const { examples, rows, epochs } = numbersOf(options);
  const flags = experimentFromFlags(path, { ...options, epochs: undefined });
  const given = checkExperiment(typeof file === "string" ? overrideExperiment(await readExperimentSource(file), flags) : flags);
  if (given.augment.length === 0) throw new GradusError("no augmentation was given.", { hint: "--augment flip,rotate=10,crop=2" });
  const { experiment, saved } = await withSavedSplit(given, readSplitFile);
  const parts = await splitExperiment(await readExperimentTable(experiment), experiment, { saved });
  const preview = await previewAugmentation(parts, {
    augment: experiment.augment,
    seed: experiment.seed,
    shape: experiment.model.shape,
    size: sizeOf(experiment.data),
    maxLength: experiment.data.maxLength,
    rows,
    ...(examples === undefined ? {} : { examples }),
    ...(epochs === undefined ? {} : { epochs }),
  });
  if (preview.shape.length < 2)
    throw new GradusError("a sheet shows images and sequences; these examples are rows of a table.", {
      hint: "--shape 1x28x28 says that a row is an image, 50x3 a sequence",
    });
  const { svg } = contactSheet(preview);
  await writeWhole(String(out), kind === ".svg" ? svg : await rasterised(svg));
  const shown = preview.examples.map(({ example, row, label }) => ({ example, row, label }));
  const { steps, findings, seed } = preview;
  emit({ type: "augmentation", steps, findings });
  emit({ type: "result", command: "data augment", out: String(out), seed, examples: shown, seconds: (performance.now() - started) / 1000 });
  if (json) return 0;
  const { width } = terminal;
  const what = `${counted(shown.length, "example")}, ${counted(preview.examples[0]?.augmented.length ?? 0, "epoch")} each`;
  const lines = [
    ...augmentationLines({ type: "augmentation", steps, findings }, width, paint(terminal.color)),
    line("sheet", `${String(out)}: ${what}`, width),
  ];
  terminal.out(`${lines.join("\n")}\n`);
  return 0;
};

function numbersOf({ examples, rows, epochs }: Readonly<Record<string, unknown>>) {
  const number = (value: unknown) => (value === undefined ? undefined : Number(value));
  const found = { examples: number(examples), epochs: number(epochs) };
  checkRanges({ "--examples": found.examples, "--epochs": found.epochs }, { "--examples": ranges.count, "--epochs": ranges.count });
  const list = rows === undefined ? undefined : String(rows).split(",").map(Number);
  for (const row of list ?? []) checkRanges({ "--rows": row }, { "--rows": ranges.count });
  return { ...found, rows: list };
}
