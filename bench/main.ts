/** `npm run bench`: steps, whole trainings and accuracy against other libraries; writes bench/results/*.json and docs/benchmarks.md. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureAugmentation } from "./augmentation.ts";
import { measureAccuracy } from "./accuracy.ts";
import { accuracyCases } from "./accuracy-cases.ts";
import { measureChecks } from "./check.ts";
import { measureData } from "./data.ts";
import { measureExport } from "./export.ts";
import { architectureCases, caseName, regularizedCases, speedCases, trainingCases } from "./cases.ts";
import { measureOverhead } from "./overhead.ts";
import { gradus, peers, type Library } from "./peers.ts";
import { measureQuality } from "./quality.ts";
import { measureRegularisers } from "./regularisers.ts";
import { measureScores } from "./score.ts";
import { joined, type Stored } from "./results.ts";
import { writeReport } from "./report.ts";
import { measureSpeed } from "./speed.ts";
import { measureTrainings } from "./training.ts";

const usage = `npm run bench -- [speed] [training] [architectures] [regularized] [quality] [augmentation] [accuracy] [score] [regularisers] [overhead] [check] [data] [export] [options]; the first three where nothing is named
  speed                one training step of dense networks against PyTorch, jax-js and TensorFlow.js
  architectures        one training step of convolutional, recurrent and attention networks against PyTorch
  regularized          one training step of both with Adam, an L2 penalty and dropout, against PyTorch
  training             whole trainings against the same and scikit-learn
  quality              what ready architectures reach on images, names and a time series; needs --data
  overhead             what monitors and checkpoints add to trainings
  check                the gradient check against PyTorch's
  augmentation         augmented images a second, and what augmentation adds to the steps of a network
  data                 from a file to training-ready batches against pandas and scikit-learn; needs --data
  export               exported models on raw rows in plain ONNX Runtime against float64; needs --data
  accuracy             held-out quality and fit time against scikit-learn; needs --data
  score                time until a network reaches a score, against PyTorch, scikit-learn and TensorFlow.js; needs --data
  regularisers         what each way to regularise does to the gap between training and validation error; needs --data
  --data DIR           folder of the data sets
  --cases a,b          only the cases whose name contains one of these
  --peers a,b          only these libraries: ${peers.map(({ name }) => name).join(", ")}
  --subject NAME       what is compared with the peers; gradus where left out
  --pairs N            interleaved pairs, in place of 30
  --seeds N            seeds of the accuracy comparison, of score and of regularisers, in place of each case's own number
  --dry                print the figures and write nothing
The Python of PyTorch and scikit-learn: $PYTHON, else python3 or /usr/bin/python3, the first that has the module.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    cases: { type: "string" },
    peers: { type: "string" },
    subject: { type: "string", default: "gradus" },
    pairs: { type: "string" },
    seeds: { type: "string" },
    dry: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const say = (line: string): void => console.log(line);
const list = (text: string | undefined): readonly string[] | undefined => text?.split(",").map((part) => part.trim());
const chosen = (name: string): boolean => list(values.cases)?.some((part) => name.includes(part)) ?? true;

function library(name: string): Library {
  const found = [gradus, ...peers].find((one) => one.name === name);
  if (!found) throw new Error(`no library "${name}": one of ${[gradus, ...peers].map((one) => one.name).join(", ")}`);
  return found;
}

/** Where only some cases or libraries were measured, what is stored of the others stays. */
async function save(name: string, result: Stored): Promise<void> {
  if (values.dry) return;
  const folder = fileURLToPath(new URL("results/", import.meta.url));
  await mkdir(folder, { recursive: true });
  const command = ["npm run bench --", ...process.argv.slice(2).map(shown)].join(" ");
  const partial = values.cases !== undefined || values.peers !== undefined;
  const before = partial ? await readFile(`${folder}${name}.json`, "utf8").then(JSON.parse, () => undefined) : undefined;
  const whole = before ? joined(before, { command, ...result }) : { command, ...result };
  await writeFile(`${folder}${name}.json`, `${JSON.stringify(whole, null, 1)}\n`);
  await writeReport();
}

/** An argument as one would type it; the data folder is the reader's own. */
function shown(argument: string, index: number, all: readonly string[]): string {
  if (all[index - 1] === "--data") return "DIR";
  return /^[\w.,/=-]+$/.test(argument) ? argument : `"${argument}"`;
}

const sections = [
  "speed",
  "training",
  "architectures",
  "regularized",
  "quality",
  "augmentation",
  "accuracy",
  "score",
  "regularisers",
  "overhead",
  "check",
  "data",
  "export",
];
const named = positionals.length > 0 ? positionals : ["speed", "training", "architectures"];
if (values.help || named.some((name) => !sections.includes(name))) {
  say(usage);
  process.exit(values.help ? 0 : 2);
}
const subject = library(values.subject);
const others = (list(values.peers)?.map(library) ?? peers).filter((one) => one !== subject);
const pairs = values.pairs === undefined ? {} : { pairs: Number(values.pairs) };
for (const [section, cases] of [
  ["speed", speedCases],
  ["architectures", architectureCases],
  ["regularized", regularizedCases],
] as const) {
  if (!named.includes(section)) continue;
  const result = await measureSpeed({
    subject,
    peers: others.filter(({ blockMilliseconds, architectures }) => blockMilliseconds && (section === "speed" || architectures)),
    cases: cases.filter((one) => chosen(caseName(one))),
    ...pairs,
    say,
  });
  for (const [name, mean] of Object.entries(result.geometricMeans)) say(`geometric mean against ${name}: ${mean.toFixed(3)}`);
  await save(section, result);
}
if (named.includes("training")) {
  const cases = trainingCases.filter((one) => chosen(caseName(one)));
  await save("training", await measureTrainings({ subject, peers: others, cases, ...pairs, say }));
}
if (named.includes("overhead")) await save("overhead", await measureOverhead({ chosen, ...pairs, say }));
if (named.includes("check")) await save("check", await measureChecks({ chosen, ...pairs, say }));
if (named.includes("quality")) {
  if (values.data === undefined) throw new Error("quality needs --data DIR, the folder of the data sets");
  await save("quality", await measureQuality({ data: values.data, chosen, say }));
}
if (named.includes("augmentation")) {
  await save("augmentation", await measureAugmentation(say, values.pairs === undefined ? undefined : Number(values.pairs)));
}
if (named.includes("data")) {
  if (values.data === undefined) throw new Error("data needs --data DIR, the folder of the data sets");
  await save("data", await measureData({ data: values.data, chosen, ...pairs, say }));
}
if (named.includes("export")) {
  if (values.data === undefined) throw new Error("export needs --data DIR, the folder of the data sets");
  await save("export", await measureExport({ data: values.data, chosen, say }));
}
if (named.includes("accuracy")) {
  if (values.data === undefined) throw new Error("accuracy needs --data DIR, the folder of the data sets");
  const result = await measureAccuracy({
    data: values.data,
    cases: accuracyCases.filter(({ name }) => chosen(name)),
    ...(values.seeds === undefined ? {} : { seeds: Number(values.seeds) }),
    say,
  });
  await save("accuracy", result);
}
if (named.includes("score")) {
  if (values.data === undefined) throw new Error("score needs --data DIR, the folder of the data sets");
  const result = await measureScores({
    data: values.data,
    chosen,
    peers: others.map(({ name }) => name),
    ...(values.seeds === undefined ? {} : { seeds: Number(values.seeds) }),
    say,
  });
  await save("score", result);
}
if (named.includes("regularisers")) {
  if (values.data === undefined) throw new Error("regularisers needs --data DIR, the folder of the data sets");
  const seeds = values.seeds === undefined ? {} : { seeds: Number(values.seeds) };
  await save("regularisers", await measureRegularisers({ data: values.data, chosen, ...seeds, say }));
}
