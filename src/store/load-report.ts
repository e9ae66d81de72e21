/** A run folder and its data, read back for a report. */
import type { ReportInput } from "../report/facts.ts";
import { readExperimentTable } from "../train/experiment-run.ts";
import { loadRunExperiment, loadRunHealth, loadRunHistory, loadRunModel, loadRunResult, loadRunSplit } from "./load-run.ts";
import { readStatus } from "./run-status.ts";
import { checkFingerprint, storedRows } from "./split-file.ts";
import { readOpenings } from "./test-openings.ts";

/**
 * What {@link gatherReport} takes.
 * @param options.data the data file, where it has moved
 * @example await writeFile("report.html", reportPage(await gatherReport(await loadReportInput("runs/quiet-otter"))));
 * @throws GradusError where the folder is no run, or the data are not those it was trained on
 */
export async function loadReportInput(run: string, { data }: { readonly data?: string | undefined } = {}): Promise<ReportInput> {
  const closing = await loadRunResult(run);
  const experiment = await loadRunExperiment(run);
  const split = await loadRunSplit(run);
  const model = await loadRunModel(run);
  const history = await loadRunHistory(run);
  const health = await loadRunHealth(run);
  const facts = await readStatus(run).then(
    (status) => status.facts,
    () => undefined,
  );
  const { count } = await readOpenings(run);
  const table = await readExperimentTable({ ...experiment, data: { ...experiment.data, path: data ?? experiment.data.path } });
  checkFingerprint(split, table.source, run);
  return {
    run,
    gradus: closing.gradus,
    finished: closing.finished,
    ...{ closing, experiment, history, health, model, table },
    train: storedRows(split, "train"),
    validation: storedRows(split, "validation"),
    policy: split.policy,
    openings: count,
    versions: facts && { "ONNX Runtime": facts.onnxruntime, Node: facts.node, platform: facts.platform, device: facts.device },
  };
}
