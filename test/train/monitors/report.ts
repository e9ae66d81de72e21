/** The study as docs/monitors.md holds it. */
import { describeMonitors } from "../../../src/train/monitors/describe.ts";
import { monitors } from "../../../src/train/monitors/index.ts";
import type { Interval } from "../../../src/util/statistics.ts";
import { faults } from "./faults.ts";
import { matrix, scoreOf, type Study } from "./study.ts";

const share = ({ value, low }: Interval) => `${value.toFixed(3)} (${low.toFixed(2)})`;

/** Markdown. */
export function monitorsReport(study: Study): string {
  const scores = faults.map(({ monitor }) => scoreOf(monitor, study));
  const names = faults.map(({ monitor }) => monitor);
  const sets = [...new Set(study.planted.map(({ rows }) => rows))];
  return [
    "# Monitors of a training's health",
    "",
    "What each of them measures stands first; behind it, what they make of faults that were planted. `npm run study:monitors` writes this page.",
    "",
    describeMonitors(monitors),
    "",
    "## Faults planted",
    "",
    `Small trainings on ${sets.length} data sets (${sets.join(", ")}), networks of one to three hidden layers with ReLU, tanh or sigmoid, four optimizers. Of a`,
    "fault the strength is drawn evenly, on the logarithm, from what hardly shows to what is gross. A fault counts as planted only where its",
    "effect shows: the measure beside it, taken from the weights at the ends of epochs over all training rows and apart from the monitors, lies more than",
    "two standard deviations from healthy trainings on the same data (and the final loss too, where the effect is a worse one). Trainings without a",
    "fault are healthy ones (dropout, batch normalisation, penalties of a usual strength among them) and, as many, ones with another fault that do",
    `not have this one's effect as well. The limits were set on other seeds; this is seed ${study.seed}.`,
    "",
    "Recall is the share of planted faults that the monitor spoke of, as a cause or as the consequence of another finding; *cause* counts the first",
    "kind. Precision is that count over itself and the trainings without the fault in which the monitor spoke of a cause. In brackets the lower ends of",
    "Wilson's 95 % intervals.",
    "",
    "| monitor | planted | without effect | trainings without | recall | cause | precision | accused wrongly |",
    "|---|--:|--:|--:|--:|--:|--:|---|",
    ...scores.map(({ monitor, planted, without, recall, named, precision, accused }) => {
      const who = [...new Set(accused)].map((what) => `${accused.filter((other) => other === what).length} ${what}`).join(", ");
      return `| ${monitor} | ${planted} | ${study.vain[monitor]} | ${without} | ${share(recall)} | ${named} | ${share(precision)} | ${who || "none"} |`;
    }),
    "",
    "| fault | what is planted |",
    "|---|---|",
    ...faults.map(({ monitor, what }) => `| ${monitor} | ${what} |`),
    "",
    "## Who speaks of what",
    "",
    "Rows are trainings with a planted fault, columns the monitors that spoke: as a cause + as a consequence of another finding. A learning rate",
    "that is far too high is many faults at once, and speaks in many columns.",
    "",
    `| planted | runs | ${names.join(" | ")} |`,
    `|---|--:|${names.map(() => "--:|").join("")}`,
    ...matrix(study).map(
      ({ what, runs, cells }) =>
        `| ${what} | ${runs} | ${cells.map(([own, follows]) => (own + follows === 0 ? "" : `${own}${follows > 0 ? ` + ${follows}` : ""}`)).join(" | ")} |`,
    ),
    "",
  ].join("\n");
}
