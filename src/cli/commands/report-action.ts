/** `gradus report`: a run as a page, as a picture, and as JSON. */
import { join } from "node:path";
import { rasterised } from "../../data/images/rasterise.ts";
import { compile } from "../../exec/executor.ts";
import { gatherReport, type RunReport } from "../../report/facts.ts";
import { reportPage } from "../../report/run-page.ts";
import { reportSheet } from "../../report/sheet.ts";
import { loadReportInput } from "../../store/load-report.ts";
import { writeWhole } from "../../store/run-folder.ts";
import type { Action } from "../command.ts";
import { duration } from "../render/format.ts";
import { line } from "../render/lines.ts";
import { runtimeOptions } from "../runtime-options.ts";

export const reportAction: Action = async ({ arguments: [run = "", data], options }, { terminal, json, emit }) => {
  const started = performance.now();
  const runtime = runtimeOptions(options);
  const page = typeof options["out"] === "string" ? options["out"] : join(run, "report.html");
  const picture = typeof options["png"] === "string" ? options["png"] : undefined;
  const boundary = typeof options["boundary"] === "boolean" ? { boundary: options["boundary"] } : {};
  const report = await gatherReport(await loadReportInput(run, { data }), {
    ...boundary,
    executor: { name: "platform", compile: (graph, given) => compile(graph, { ...given, ...runtime }) },
  });
  await writeWhole(page, reportPage(report));
  if (picture !== undefined) await writeWhole(picture, await rasterised(reportSheet(report)));
  const seconds = (performance.now() - started) / 1000;
  emit({ ...factsOf(report), type: "result", command: "report", page, ...(picture === undefined ? {} : { png: picture }), seconds });
  if (json) return 0;
  const { width } = terminal;
  const lines = [
    line("report", `${page} (${duration(seconds)}; train and validation parts, the test part is not touched)`, width),
    ...(picture === undefined ? [] : [line("picture", picture, width)]),
  ];
  terminal.out(`${lines.join("\n")}\n`);
  return 0;
};

/** The page's facts; pictures of examples stay on the page. */
function factsOf({ closing, worst, ...report }: RunReport) {
  const rows = worst.rows.map(({ cells, ...row }) => ({ ...row, cells: cells.map(({ text }) => text) }));
  const { task, metrics, baseline, reason, stop, finding, findings = [], epochs, steps, parameters, rows: sizes } = closing;
  return {
    ...report,
    task,
    metrics,
    baseline,
    reason,
    ...(stop ? { stop } : {}),
    ...(finding ? { finding } : {}),
    findings,
    ...{ epochs, steps, parameters, rows: sizes },
    worst: { ...worst, rows },
  };
}
