/**
 * `npm run study:monitors -- [--seed 21] [--planted 60] [--only saturation] [--keep trials.json]`: plants faults in small trainings and writes
 * docs/monitors.md. The kinds of faults are shared out to processes, which changes no figure. With `--keep` every training stays in a file,
 * its record and measures with it, so that what was missed can be looked at; `--from trials.json` judges them by the monitors as they are now
 * and trains only the kinds that are missing there. The file is written after every kind, so that a study that was stopped goes on.
 */
import { fork } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { faults } from "../test/train/monitors/faults.ts";
import { keptText, readKept, type Kept } from "../test/train/monitors/kept.ts";
import { monitorsReport } from "../test/train/monitors/report.ts";
import { healthyPart, joinHealthy, joinStudy, plantedPart, scoreOf, type StudyPart } from "../test/train/monitors/study.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string", default: "21" },
    planted: { type: "string", default: "60" },
    healthy: { type: "string", default: "72" },
    only: { type: "string" },
    keep: { type: "string" },
    from: { type: "string" },
    processes: { type: "string", default: "2" },
    part: { type: "string" },
  },
});
const [seed, planted, healthy] = [Number(values.seed), Number(values.planted), Number(values.healthy)];

if (values.part === undefined) {
  const kinds = values.only?.split(",") ?? faults.map(({ monitor }) => monitor);
  const known = values.from === undefined ? { seed, parts: [] } : readKept(values.from);
  const study = joinStudy(known.seed, await trained(kinds, known));
  for (const kind of kinds) {
    const { recall, named, precision, planted: count } = scoreOf(kind, study);
    console.log(
      `${kind}: ${count} planted, recall ${recall.value.toFixed(3)} (${recall.low.toFixed(2)}), ${named} as cause, precision ${precision.value.toFixed(3)} (${precision.low.toFixed(2)})`,
    );
  }
  if (!values.only) writeFileSync(new URL("../docs/monitors.md", import.meta.url), monitorsReport(study));
} else {
  process.on("message", (yardstick: StudyPart) => {
    const share = /^healthy\/(\d+)$/.exec(values.part!);
    const made = share
      ? healthyPart(seed, healthy, { from: Number(share[1]), of: Number(values.processes) })
      : plantedPart(values.part!, seed, planted, yardstick);
    made.then(
      (part) => process.send!(part, () => process.exit()),
      (error: unknown) => {
        console.error(error);
        process.exit(1);
      },
    );
  });
}

/** Healthy trainings first: what is planted is held against them. */
async function trained(kinds: readonly string[], known: Kept): Promise<readonly StudyPart[]> {
  const shares = Array.from({ length: Number(values.processes) }, (_, from) => `healthy/${from}`);
  const make = (part: string, yardstick?: StudyPart) => inProcess(part, known.seed, yardstick);
  const yardstick = known.parts[0] ?? joinHealthy(await Promise.all(shares.map((share) => make(share))));
  const parts: StudyPart[] = [yardstick, ...known.parts.slice(1)];
  const keep = () => values.keep !== undefined && writeFileSync(values.keep, keptText({ seed: known.seed, parts }));
  const queue = kinds.filter((kind) => !parts.some(({ what }) => what === kind));
  const work = async () => {
    for (let kind = queue.shift(); kind !== undefined; kind = queue.shift()) {
      parts.push(await make(kind, yardstick));
      keep();
    }
  };
  keep();
  await Promise.all(shares.map(work));
  return parts;
}

function inProcess(part: string, from: number, yardstick?: StudyPart): Promise<StudyPart> {
  const flags = [
    "--part",
    part,
    "--seed",
    String(from),
    "--planted",
    values.planted,
    "--healthy",
    values.healthy,
    "--processes",
    values.processes,
  ];
  const child = fork(fileURLToPath(import.meta.url), flags, { execArgv: process.execArgv, serialization: "advanced" });
  child.send(yardstick ?? {});
  return new Promise((resolve, reject) => {
    child.on("message", (found) => {
      console.log(`${part}: ${(found as StudyPart).trials.length} trainings`);
      resolve(found as StudyPart);
    });
    child.on("exit", (code) => code !== 0 && reject(new Error(`${part}: exit status ${code}`)));
  });
}
