/** The report of a run as one HTML page that needs no network. */
import { optimizerByName } from "../optim/optimizers/index.ts";
import type { Metrics } from "../train/experiment-events.ts";
import { counted, duration, formatInterval, grouped, short, type Unit } from "../util/format.ts";
import type { Interval } from "../util/statistics.ts";
import { chartStyle, type Chart } from "./chart.ts";
import type { RunReport } from "./facts.ts";
import { findingsSection, htmlDocument, safe } from "./html.ts";
import { runCharts } from "./run-charts.ts";
import { settingsOf } from "./settings.ts";
import { baseStyle } from "./style.ts";

/** @returns a whole HTML document, the same for the same facts */
export function reportPage(report: RunReport): string {
  const charts = runCharts(report);
  const sections = [
    header(report),
    report.closing.findings ? findingsSection(report.closing.findings) : "",
    section("Training", "", grid(charts.training)),
    section("Answers on the validation part", "", `${grid(charts.answers)}${metricTables(report)}`),
    charts.boundary.length > 0 ? section("Decision boundary", boundaryText(report), grid(charts.boundary)) : "",
    worstSection(report),
    charts.layers.length > 0
      ? section(
          "Inside the network",
          `${counted(report.health!.steps.length, "step")} that the monitors looked at, densest at first.`,
          grid(charts.layers),
        )
      : "",
    weightsSection(report, charts.weights),
    profileSection(report),
    settingsSection(report),
  ];
  const title = `Report of ${report.run}`;
  return htmlDocument({ title, style: `${baseStyle}${ownStyle}${chartStyle({ dark: true })}`, body: sections.filter(Boolean).join("\n") });
}

const ownStyle = `
.headline { font-size: 1.15rem; color: var(--text); margin: .6rem 0 .2rem; }
.headline b { font-size: 1.7rem; font-weight: 650; }
.grid-of { display: grid; align-items: start; grid-template-columns: repeat(auto-fill, minmax(min(100%, 20rem), 1fr)); gap: 1.2rem 1.4rem; margin-top: .8rem; }
.grid-of figure { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: .7rem .8rem .6rem; height: 100%; display: flex; flex-direction: column; }
.grid-of figcaption { display: block; } .grid-of figcaption span { white-space: normal; display: block; line-height: 1.35; }
svg.chart { display: block; width: 100%; height: auto; margin-top: auto; padding-top: .35rem; }
.keys { display: flex; flex-wrap: wrap; gap: .1rem .9rem; font-size: .75rem; color: var(--dim); margin-top: .2rem; }
.keys span { padding-left: 1.35em; position: relative; overflow-wrap: anywhere; }
.keys span::before { content: ""; position: absolute; left: 0; top: .55em; width: 1em; border-top: .2em solid var(--c); }
.keys span.dashed::before { border-top-style: dashed; }
.keys span.dots::before { left: .35em; top: .5em; width: .4em; height: .4em; border: 0; border-radius: 50%; background: var(--c); }
td.text { white-space: normal; max-width: none; overflow-wrap: anywhere; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { min-width: 7rem; } td.bar div { height: .7rem; border-radius: 2px; background: var(--part0); }
td.wrong { color: var(--fail); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); gap: 1rem; margin-top: .8rem; font-size: .85rem; overflow-wrap: anywhere; }
.tiles .numbers { margin: 0; }
.tables { display: flex; flex-wrap: wrap; gap: 0 3rem; margin-top: 1rem; align-items: flex-start; }
.tables > div { max-width: 100%; }
`;

function section(title: string, what: string, body: string): string {
  return `<section><h2>${safe(title)}</h2>${what === "" ? "" : `<p class="what">${safe(what)}</p>`}${body}</section>`;
}

function grid(charts: readonly Chart[]): string {
  return `<div class="grid-of">${charts.map(figure).join("\n")}</div>`;
}

function figure({ title, about, width, height, body, keys }: Chart): string {
  const legend = keys.map(
    ({ label, color, dashed, dots }) => `<span class="${color}${dashed ? " dashed" : ""}${dots ? " dots" : ""}">${safe(label)}</span>`,
  );
  return `<figure><figcaption><b>${safe(title)}</b>${about === undefined ? "" : ` <span>${safe(about)}</span>`}</figcaption>
<svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${safe(title)}">${body}</svg>${
    legend.length < 2 ? "" : `<div class="keys">${legend.join("")}</div>`
  }</figure>`;
}

/** What is told first, and why the training ended. */
export function headlineOf({ closing }: Pick<RunReport, "closing">): {
  readonly name: string;
  readonly value: string;
  readonly rest: string;
} {
  const { metrics, baseline, task } = closing;
  const name = task === "classification" ? "error" : "rmse";
  const unit: Unit = task === "classification" ? "share" : "number";
  const written = (interval: Interval | undefined) =>
    interval && Number.isFinite(interval.value) ? formatInterval(interval, unit) : { value: "–", range: "–" };
  const [own, train, other] = [written(metrics.validation[name]), written(metrics.train[name]), written(baseline.metrics[name])];
  const n = metrics.validation[name]?.n ?? 0;
  return {
    name,
    value: own.value,
    rest: `validation ${name} (95 %: ${own.range}, n ${grouped(n)}) · train ${train.value} · ${baseline.name} ${other.value}`,
  };
}

function reasonOf({ closing }: RunReport): string {
  const { reason, stop, finding, epochs, fitSeconds } = closing;
  const kept = `weights of epoch ${epochs.best} kept`;
  const ran = `${counted(epochs.run, "epoch")} in ${duration(fitSeconds)}`;
  if (reason === "stopped" && stop) return `Stopped after epoch ${stop.epoch}: ${stop.why}; ${kept}. ${ran}.`;
  if (reason === "diverged" && finding) return `Diverged at step ${grouped(finding.step)}: ${finding.tensor} is not finite; ${kept}.`;
  if (reason === "interrupted") return `Interrupted after ${ran}; ${kept}.`;
  return `Finished: ${ran}; ${kept}.`;
}

function header(report: RunReport): string {
  const { run, data, closing, openings } = report;
  const { value, rest } = headlineOf(report);
  const { train, validation, test, trainDev } = closing.rows;
  const parts = [`train ${grouped(train)}`, `validation ${grouped(validation)}`, ...(trainDev ? [`train-dev ${grouped(trainDev)}`] : [])];
  const locked =
    test === 0
      ? "There is no test part."
      : `The test part (${counted(test, "row")}) is locked: nothing on this page has seen it.${openings > 0 ? ` It has been opened ${counted(openings, "time")} before.` : ""}`;
  return `<header>
<h1>${safe(run)}</h1>
<p>${safe(`${fileName(data.path)} · ${data.description}`)}</p>
<p>${safe(`${data.policy} → ${parts.join(", ")}`)}. ${safe(locked)}</p>
<p class="headline"><b>${safe(value)}</b> ${safe(rest)}</p>
<p>${safe(reasonOf(report))}</p>
</header>`;
}

const fileName = (path: string) => path.split(/[\\/]/).pop()!;

/** What shares are among the metrics. */
const share = /accuracy|^error$|^precision|^recall|^f1|^calibration_error$/;
const unitOf = (name: string): Unit => (share.test(name) ? "share" : "number");

/** Averages that are in the JSON alone: of one answer a row micro averages are the accuracy. */
const elsewhere = /_(micro|weighted)$/;

/** `roc_auc_macro` → `ROC AUC macro` */
const titleOf = (name: string): string =>
  name.replaceAll("_", " ").replaceAll(/\b(roc auc|pr auc|rmse|mae|f1|r2)\b/g, (word) => (word === "r2" ? "R²" : word.toUpperCase()));

function metricTables({ validation, closing }: RunReport): string {
  const names = Object.keys(validation.metrics).filter((name) => Number.isFinite(validation.metrics[name]!.value) && !elsewhere.test(name));
  const cell = (metrics: Metrics, name: string) => {
    const interval = metrics[name];
    if (!interval || !Number.isFinite(interval.value)) return `<td class="number"></td><td></td>`;
    const { value, range } = formatInterval(interval, unitOf(name));
    return `<td class="number">${safe(value)}</td><td>${safe(range)}</td>`;
  };
  const rows = names.map(
    (name) => `<tr><th>${safe(titleOf(name))}</th>${cell(validation.metrics, name)}${cell(closing.metrics.train, name)}</tr>`,
  );
  const head = `<tr><th></th><th class="number">validation</th><th>95 % interval</th><th class="number">train</th><th>95 % interval</th></tr>`;
  return `<div class="tables"><div class="scroll"><table><thead>${head}</thead><tbody>${rows.join("")}</tbody></table></div>${classTable(validation.classes)}</div>`;
}

const mostClasses = 60;

function classTable(classes: RunReport["validation"]["classes"]): string {
  if (!classes) return "";
  const figures = ["precision", "recall", "f1"];
  const rows = classes.slice(0, mostClasses).map(({ name, n, metrics }) => {
    const cells = figures.map((figure) => {
      const interval = metrics[figure];
      if (!interval || !Number.isFinite(interval.value)) return `<td class="number">–</td>`;
      const { value, range } = formatInterval(interval, "share");
      return `<td class="number" title="${safe(range)}">${safe(value)}</td>`;
    });
    return `<tr><th>${safe(name)}</th><td class="number">${safe(grouped(n))}</td>${cells.join("")}</tr>`;
  });
  const more = classes.length > mostClasses ? `<p class="what">${classes.length - mostClasses} more classes are not shown.</p>` : "";
  const head = ["class", "rows", ...figures].map((name, i) => `<th${i > 0 ? ' class="number"' : ""}>${name}</th>`).join("");
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table>${more}</div>`;
}

function boundaryText({ boundary }: RunReport): string {
  const shown = "Colours are classes; large dots are validation rows, small ones training rows.";
  if (!boundary || boundary.panels.length < 2) return `${shown} With --boundary the same network is also trained along λ.`;
  return `${shown} First this run; then the same network without dropout, trained ${grouped(boundary.steps)} steps by Adam with a falling L2 penalty λ and without early stopping: too stiff, just right, too free. Just right is the lowest validation loss.`;
}

function worstSection(report: RunReport): string {
  const { worst } = report;
  if (worst.rows.length === 0) return "";
  const more = worst.more > 0 ? ` ${counted(worst.more, "more column")} not shown.` : "";
  const pictures = worst.rows.every(({ cells }) => cells.length === 1 && cells[0]!.image !== undefined);
  const what = `Validation rows of the highest loss${pictures ? "" : ", with their raw values"}; rows are counted from 1.${more}`;
  return section("Worst examples", what, pictures ? worstPictures(report) : worstTable(report));
}

const told = (value: string | number) => safe(typeof value === "number" ? short(value) : value);
const chance = (p: number) => safe(p < 0.001 ? short(p) : p.toFixed(3));

function worstTable({ worst, closing }: RunReport): string {
  const classes = closing.task === "classification";
  const head = [
    "row",
    "truth",
    classes ? "answer" : "predicted",
    ...(classes ? ["p of the truth"] : []),
    classes ? "loss" : "off by",
    ...worst.columns,
  ];
  const rows = worst.rows.map(({ row, name, truth, answer, probability, loss, cells }) => {
    const shown = cells.map(({ text, image }) =>
      image === undefined ? `<td>${safe(text)}</td>` : `<td><img alt="${safe(text)}" src="${image}"></td>`,
    );
    const p = probability === undefined ? "" : `<td class="number">${chance(probability)}</td>`;
    return `<tr><th>${safe(name ?? String(row))}</th><td>${told(truth)}</td><td${classes && truth !== answer ? ' class="wrong"' : ""}>${told(answer)}</td>${p}<td class="number">${safe(short(loss))}</td>${shown.join("")}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${head.map((name) => `<th>${safe(name)}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

/** Where a row is a picture and nothing else. */
function worstPictures({ worst }: RunReport): string {
  const tiles = worst.rows.map(({ row, name, truth, answer, probability, cells }) => {
    const [{ text, image }] = cells as [{ text: string; image: string }];
    const wrong = truth === answer ? "right" : `answered ${told(answer)}`;
    const p = probability === undefined ? "" : `, p ${chance(probability)}`;
    return `<div><img alt="${safe(text)}" src="${image}"><p><b>${told(truth)}</b> ${wrong}${p}</p><p class="numbers">${safe(name ?? `row ${row}`)}</p></div>`;
  });
  return `<div class="tiles">${tiles.join("")}</div>`;
}

function weightsSection({ weights, linear, experiment }: RunReport, charts: readonly Chart[]): string {
  if (weights.length === 0) return "";
  const percent = (value: number) => `${(100 * value).toFixed(value > 0 && value < 0.001 ? 2 : 1)} %`;
  const rows = weights.map(
    ({ name, count, norm, concentration, zeros, small }) =>
      `<tr><th>${safe(name)}</th>${[grouped(count), short(norm), short(concentration), percent(zeros), percent(small)].map((text) => `<td class="number">${safe(text)}</td>`).join("")}</tr>`,
  );
  const head = ["", "weights", "‖W‖", "max|w|/‖w‖ of units", "exactly 0", "nearly 0"]
    .map((name, i) => `<th${i > 0 ? ' class="number"' : ""}>${safe(name)}</th>`)
    .join("");
  const table = `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
  const tanh = linear.map(
    ({ name, share: after, before }) =>
      `<tr><th>${safe(name)}</th><td class="number">${before === undefined ? "" : safe(percent(before))}</td><td class="number">${safe(percent(after))}</td></tr>`,
  );
  const nearLinear =
    tanh.length === 0
      ? ""
      : `<div class="scroll"><table><thead><tr><th>tanh inputs with |z| &lt; 0.5</th><th class="number">at first</th><th class="number">now</th></tr></thead><tbody>${tanh.join("")}</tbody></table></div>`;
  const terms = regularisers(experiment);
  const what = `${terms === "" ? "Nothing held the weights back." : `Held back by ${terms}.`} A penalty shortens ‖W‖; L1 makes weights 0; dropout spreads a unit's weights, which makes its max|w|/‖w‖ small. Nearly 0 is below a thousandth of the layer's root mean square${
    tanh.length > 0 ? "; small inputs keep tanh where it is nearly a line" : ""
  }.`;
  return section("Weights, and what regularisation made of them", what, `<div class="tables">${table}${nearLinear}</div>${grid(charts)}`);
}

/** What keeps the weights small or spread, in words. */
function regularisers({ regularizer, optimizer, model }: RunReport["experiment"]): string {
  const keep = "keepProbability" in model ? [model.keepProbability].flat().filter((p) => p < 1) : [];
  const { kind, learningRate: _, schedule: __, ...settings } = optimizer;
  const decay = optimizerByName(kind, settings).weightDecay;
  return [
    ...(regularizer?.l2 ? [`L2 (λ = ${short(regularizer.l2)})`] : []),
    ...(regularizer?.l1 ? [`L1 (λ = ${short(regularizer.l1)})`] : []),
    ...(regularizer?.maxNorm ? [`max-norm ${short(regularizer.maxNorm)}`] : []),
    ...(regularizer?.layers ? ["terms of single layers"] : []),
    ...(decay ? [`weight decay ${short(decay)}`] : []),
    ...(keep.length > 0 ? [`dropout (keep ${keep.map(short).join(", ")})`] : []),
  ].join(", ");
}

/** Where the training's time went, and the operators that took most of it. */
function profileSection({ profile }: RunReport): string {
  if (!profile) return "";
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const bar = (share: number) => `<td class="bar"><div style="width: ${Math.max(0, Math.min(100, 100 * share)).toFixed(1)}%"></div></td>`;
  const phases = profile.phases.map(
    ({ name, seconds, share, perStep }) =>
      `<tr><th>${safe(name)}</th><td class="number">${safe(duration(seconds))}</td><td class="number">${safe(short(perStep))}</td><td class="number">${percent(share)}</td>${bar(share)}</tr>`,
  );
  const operators = profile.operators
    .slice(0, 10)
    .map(
      ({ operator, phase, calls, milliseconds, share }) =>
        `<tr><th>${safe(operator)}</th><td>${safe(phase)}</td><td class="number">${safe(short(calls))}</td><td class="number">${safe(short(milliseconds))}</td><td class="number">${percent(share)}</td></tr>`,
    );
  const table = (head: readonly string[], rows: readonly string[]) =>
    rows.length === 0
      ? ""
      : `<div class="scroll"><table><thead><tr>${head.map((name, i) => `<th${i > 0 ? ' class="number"' : ""}>${name}</th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
  return section(
    "Where the time went",
    `${duration(profile.seconds)} from the first graph's compilation to the end of the training, ${counted(profile.steps, "step")}.`,
    `<div class="tables">${table(["", "time", "ms a step", "share", ""], phases)}${table(["operator", "in", "calls a step", "ms a step", "share of the network's calls"], operators)}</div>`,
  );
}

function settingsSection(report: RunReport): string {
  const rows = settingsOf(report).map(([name, value]) => `<tr><th>${safe(name)}</th><td class="text">${safe(value)}</td></tr>`);
  return section("The run", "", `<div class="scroll"><table><tbody>${rows.join("")}</tbody></table></div>`);
}
