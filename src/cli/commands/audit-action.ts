/** `gradus audit`: a split, or two files, judged by every rule; exit status 1 where one fails. */
import { audit } from "../../audit/audit.ts";
import { auditPage } from "../../audit/page.ts";
import type { AuditSubject } from "../../audit/rule.ts";
import { againstSubject, subjectOf } from "../../audit/subject.ts";
import { readTable, type ReadOptions } from "../../data/read-table.ts";
import { describeTable, schemaOf, type Table, type TableSchema } from "../../data/table.ts";
import { writeWhole } from "../../store/run-folder.ts";
import { readSplitFile } from "../../store/split-file.ts";
import { checkExperiment, overrideExperiment } from "../../train/experiment-file.ts";
import { readAnyTable, sizeOf } from "../../train/experiment-run.ts";
import { withSavedSplit } from "../../train/experiment-split.ts";
import type { Experiment } from "../../train/experiment.ts";
import { GradusError } from "../../util/errors.ts";
import type { Finding } from "../../util/finding.ts";
import type { Action, CommandInput } from "../command.ts";
import { readExperimentSource } from "../experiment-source.ts";
import { experimentFromFlags } from "../flags.ts";
import { auditFindingLines, auditHead, auditSummary } from "../render/audit.ts";
import { line } from "../render/lines.ts";
import { paint } from "../render/paint.ts";
import { runtimeOptions } from "../runtime-options.ts";

export const auditAction: Action = async (input, { terminal, json, emit }) => {
  const { width } = terminal;
  const p = paint(terminal.color);
  const say = (lines: readonly string[]) => {
    if (!json && lines.length > 0) terminal.out(`${lines.join("\n")}\n`);
  };
  const { subject, experiment, head } = await readSubject(input);
  const { against, report } = input.options;
  say([...head.map(([label, text]) => line(p.bold(label), text, width)), ...auditHead(subject, width)]);
  let previous: Finding | undefined;
  const { accept, strict } = experiment.audit;
  const result = await audit(subject, {
    seed: experiment.seed,
    accept,
    runtime: runtimeOptions(input.options),
    sees: { size: sizeOf(experiment.data), maxLength: experiment.data.maxLength },
    onFinding(finding) {
      say(auditFindingLines(finding, previous, width, p));
      previous = finding;
    },
  });
  const { severity } = result;
  const passed = severity !== "fail" && !(strict && severity === "warn");
  const page = typeof report === "string" ? report : undefined;
  if (page !== undefined) await writeWhole(page, auditPage(subject, result, { title: head.map(([name]) => name).join(" against ") }));
  emit({
    type: "result",
    command: "audit",
    data: experiment.data.path,
    ...(typeof against === "string" ? { against } : {}),
    policy: subject.policy,
    parts: Object.fromEntries(subject.parts.map(({ name, rows }) => [name, rows.length])),
    checked: result.checked,
    findings: result.findings,
    severity,
    accepted: result.accepted,
    passed,
    ...(page === undefined ? {} : { report: page }),
    seconds: result.seconds,
  });
  say(auditSummary(result, passed, page, width, p));
  return passed ? 0 : 1;
};

interface ReadSubject {
  readonly subject: AuditSubject;
  readonly experiment: Experiment;
  /** Files and what is in them. */
  readonly head: readonly (readonly [string, string])[];
}

/** @throws GradusError for flags that contradict each other, and files that cannot be read */
async function readSubject({ arguments: [data], options }: CommandInput): Promise<ReadSubject> {
  const { against } = options;
  const random = options["randomSplit"] === true;
  const other = ["splitColumn", "split", "splitFile", "randomSplit"].find((name) => options[name] !== undefined);
  if (typeof against === "string" && other !== undefined)
    throw new GradusError(`--against names the other part; --${other.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)} contradicts it.`, {
      hint: "name one of them.",
    });
  // A target is no must here: an experiment is held to have one, the reader is not told of it.
  const flags = experimentFromFlags(data, options);
  const asked =
    typeof options["experiment"] === "string" ? overrideExperiment(await readExperimentSource(options["experiment"]), flags) : flags;
  const named = (asked.value["data"] as { readonly target?: unknown } | undefined)?.target !== undefined;
  const placeholder = { value: { data: { target: "target" } }, place: () => undefined, subject: () => "target" };
  const { experiment, saved } = await withSavedSplit(
    checkExperiment(named ? asked : overrideExperiment(asked, placeholder)),
    readSplitFile,
  );
  const wanted = { ...experiment.data, ...(named ? {} : { target: undefined }) } as Experiment["data"];
  const table = await readAnyTable({ ...experiment, data: wanted });
  const called = (read: Table) => [read.source.path.split(/[\\/]/).pop()!, describeTable(read)] as const;
  if (typeof against !== "string") {
    const { policy, resolve, test } = experiment.split;
    const seed = experiment.split.seed ?? experiment.seed;
    return { subject: subjectOf(table, { seed, policy, resolve, test, saved, random }), experiment, head: [called(table)] };
  }
  const second = await readAgainst(against, table, experiment);
  return { subject: againstSubject(table, second), experiment, head: [called(table), called(second)] };
}

/** The other file by the schema of the first, without its target where it has none. */
async function readAgainst(path: string, table: Table, { data, split }: Experiment): Promise<Table> {
  const { delimiter, encoding, decimal, thousands, missing } = data;
  const { target, ...features } = schemaOf(table);
  const options: ReadOptions = { delimiter, encoding, decimal, thousands, missing, group: split.groupBy, time: split.timeBy, id: data.id };
  const read = (schema: TableSchema) => readTable(path, { ...options, schema });
  if (!target) return read(features);
  return read({ ...features, target }).catch((cause: unknown) => {
    if (!(cause instanceof GradusError)) throw cause;
    return read(features).catch(() => Promise.reject(cause));
  });
}
