/** A run folder and its data, read back for a report. */
import type { ReportInput } from "../report/facts.ts";
import { readExperimentTable } from "../train/experiment-run.ts";
import { loadRunExperiment, loadRunHealth, loadRunHistory, loadRunModel, loadRunProfile, loadRunResult, loadRunSplit } from "./load-run.ts";
import { runRows } from "./run-rows.ts";
import { readStatus } from "./run-status.ts";
import { readOpenings } from "./test-openings.ts";

/**
 * What {@link gatherReport} takes.
 * @param options.data the data file, where it has moved
 * @example await writeFile("report.html", reportPage(await gatherReport(await loadReportInput("runs/quiet-otter"))));
 * @throws GradusError where the folder is no run, or rows of it are gone from the data
 */
export async function loadReportInput(run: string, { data }: { readonly data?: string | undefined } = {}): Promise<ReportInput> {
  const closing = await loadRunResult(run);
  const experiment = await loadRunExperiment(run);
  const { policy } = await loadRunSplit(run);
  const model = await loadRunModel(run);
  const history = await loadRunHistory(run);
  const health = await loadRunHealth(run);
  const facts = await readStatus(run).then(
    (status) => status.facts,
    () => undefined,
  );
  const { count } = await readOpenings(run);
  const table = await readExperimentTable({ ...experiment, data: { ...experiment.data, path: data ?? experiment.data.path } });
  const { train, validation } = await runRows(run, table);
  return {
    run,
    gradus: closing.gradus,
    finished: closing.finished,
    ...{ closing, experiment, history, health, model, table },
    ...{ train, validation },
    profile: await loadRunProfile(run),
    policy,
    openings: count,
    versions: facts && { "ONNX Runtime": facts.onnxruntime, Node: facts.node, platform: facts.platform, device: facts.device },
  };
}
