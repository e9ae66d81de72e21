/** Progress while training: one line that is rewritten on a screen, plain lines elsewhere. */
import type { ExperimentEvent } from "../../train/experiment-events.ts";
import type { EpochFigures } from "../../train/events.ts";
import type { Terminal } from "../terminal.ts";
import { printable } from "../../util/printable.ts";
import { duration, formatFigure, grouped, steady } from "./format.ts";
import { plain, type Paint } from "./paint.ts";

export interface ProgressState {
  readonly epoch: number;
  readonly epochs: number;
  /** Share of all steps done, 0 to 1. */
  readonly share: number;
  /** Loss of the last batch. */
  readonly loss: number;
  readonly figures: EpochFigures;
  readonly error: { readonly name: "error" | "rmse"; readonly scale: number };
  readonly examplesPerSecond: number;
  readonly secondsLeft: number;
}

/** `epoch 14/100  ━━━╸   J 0.409   error train 18.9 %, validation 19.8 %   212 000 examples/s   6 s left`, as much as fits. */
export function progressLine(state: ProgressState, width: number, p: Paint): string {
  const epochs = String(state.epochs);
  const head = `epoch ${String(state.epoch).padStart(epochs.length)}/${epochs}`;
  const { train, validation } = state.figures;
  const unit = state.error.name === "error" ? "share" : "number";
  const figure = (value: number) => formatFigure(value * state.error.scale, unit);
  const pieces = [
    `J ${steady(state.loss)}`,
    `${state.error.name} train ${figure(train.error)}${validation ? `, validation ${figure(validation.error)}` : ""}`,
    Number.isFinite(state.secondsLeft) ? `${duration(state.secondsLeft)} left` : "",
    state.examplesPerSecond > 0 ? `${grouped(Number(state.examplesPerSecond.toPrecision(3)))} examples/s` : "",
  ].filter((piece) => piece !== "");
  let text = `  ${head}  ${bar(state.share, width >= 100 ? 20 : 10, p)}`;
  for (const piece of pieces) {
    if (plain(text).length + 3 + piece.length >= width) break;
    text += `   ${piece}`;
  }
  return text;
}

function bar(share: number, width: number, p: Paint): string {
  const halves = Math.round(Math.min(1, Math.max(0, share)) * width * 2);
  const full = Math.floor(halves / 2);
  const half = halves % 2 === 1 ? "╸" : "";
  return p.cyan("━".repeat(full) + half) + p.dim("─".repeat(width - full - half.length));
}

export interface Progress {
  see(event: ExperimentEvent): void;
  /** Takes the line away, before other text. */
  clear(): void;
}

const clearLine = `\r${String.fromCharCode(27)}[2K`;
const redrawMilliseconds = 80;

/** Watches the events of a training. Without a screen it writes about twenty lines in all. */
export function createProgress(terminal: Terminal, p: Paint, now: () => number = () => performance.now()): Progress {
  let model: Extract<ExperimentEvent, { type: "model" }> | undefined;
  let rows = 0;
  let started = 0;
  let figures: EpochFigures | undefined;
  let state: ProgressState | undefined;
  let drawn = -Infinity;
  let visible = false;
  const width = () => Math.min(terminal.width, 140);

  const draw = (text: string) => {
    terminal.out(`${clearLine}${text}`);
    visible = true;
    drawn = now();
  };
  const advance = (epoch: number, examples: number, loss: number) => {
    const seconds = Math.max(1e-3, (now() - started) / 1000);
    const share = examples / (rows * model!.epochs);
    const secondsLeft = seconds > 0.3 ? (seconds / share) * (1 - share) : NaN;
    state = {
      epoch,
      epochs: model!.epochs,
      share,
      loss,
      figures: figures!,
      error: model!.error,
      examplesPerSecond: examples / seconds,
      secondsLeft,
    };
  };
  return {
    see(event) {
      if (event.type === "stage" && terminal.live) draw(`  ${p.dim(`${printable(event.text)} …`)}`);
      else if (event.type === "split") rows = event.train;
      else if (event.type === "model") model = event;
      else if (event.type === "start") {
        started = now();
        figures = event.figures;
        if (!terminal.live) terminal.out(`${plainLine(model!, figures, undefined)}\n`);
      } else if (event.type === "step") {
        if (!terminal.live || now() - drawn < redrawMilliseconds) return;
        advance(event.epoch, event.examples, event.loss);
        draw(progressLine(state!, width(), p));
      } else if (event.type === "epoch") {
        figures = event.figures;
        advance(figures.epoch, figures.epoch * rows, figures.train.loss);
        const every = Math.max(1, Math.ceil(model!.epochs / 20));
        if (!terminal.live && (figures.epoch % every === 0 || figures.epoch === model!.epochs))
          terminal.out(`${plainLine(model!, figures, state)}\n`);
        else if (terminal.live && now() - drawn >= redrawMilliseconds) draw(progressLine(state!, width(), p));
      }
    },
    clear() {
      if (visible) terminal.out(clearLine);
      visible = false;
    },
  };
}

function plainLine(model: Extract<ExperimentEvent, { type: "model" }>, figures: EpochFigures, state: ProgressState | undefined): string {
  const unit = model.error.name === "error" ? "share" : "number";
  const part = (name: string, of: EpochFigures["train"]) =>
    `${name} loss ${steady(of.loss)} ${model.error.name} ${formatFigure(of.error * model.error.scale, unit)}`;
  const pieces = [
    `epoch ${String(figures.epoch).padStart(String(model.epochs).length)}/${model.epochs}`,
    part("train", figures.train),
    ...(figures.validation ? [part("validation", figures.validation)] : []),
    ...(state ? [`${grouped(Number(state.examplesPerSecond.toPrecision(3)))} examples/s`] : []),
    ...(state && Number.isFinite(state.secondsLeft) && state.share < 1 ? [`${duration(state.secondsLeft)} left`] : []),
  ];
  return `  ${pieces.join("   ")}`;
}
