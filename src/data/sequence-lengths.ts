/** How long sequences are, and how much of them a network sees. */
import { GradusError } from "../util/errors.ts";
import { grouped, type SequenceColumn, type Table } from "./table.ts";

/** Longer sequences are cut unless `maxLength` says otherwise. */
const MOST_STEPS = 1000;

/** What the network sees of the sequences of a table. */
export interface SequenceLengths {
  /** Steps. */
  readonly time: number;
  /** Every row has just so many. */
  readonly fixed: boolean;
  /** And so many before them, of windows over a series with a season. */
  readonly season?: number;
}

/**
 * The longest sequence of the training rows, at most `maxLength` steps; nothing where no column is a sequence.
 * @throws GradusError where no training row has a step, or windows would be cut
 */
export function sequenceLengths(
  table: Table,
  train: Int32Array,
  maxLength: number | undefined,
): { readonly lengths?: SequenceLengths; readonly notes: readonly string[] } {
  const columns = table.columns.filter((column) => column.kind === "sequence");
  if (columns.length === 0) return { notes: [] };
  const lengthAt = (row: number): number => columns.reduce((most, column) => Math.max(most, stepsAt(column, row)), 0);
  let longest = 0;
  for (const row of train) longest = Math.max(longest, lengthAt(row));
  if (longest === 0) throw new GradusError(`${table.source.path}: no training row has a step in any of its sequences.`);
  const windows = table.sequences?.windows;
  if (windows && maxLength !== undefined && maxLength < windows.window)
    throw new GradusError(`--max-length ${maxLength} would cut off the newest lines of each window of ${windows.window}.`, {
      hint: `take a shorter window: --window ${maxLength}`,
    });
  const time = windows ? longest : Math.min(longest, maxLength ?? MOST_STEPS);
  let [cut, steps, lost, empty, shorter, first] = [0, 0, 0, 0, 0, -1];
  for (let row = 0; row < table.rows; row++) {
    const length = lengthAt(row);
    steps += length;
    if (length < time) shorter++;
    if (length === 0 && empty++ === 0) first = row;
    if (length <= time) continue;
    cut++;
    lost += length - time;
  }
  const notes: string[] = [];
  if (cut > 0) {
    const longer = maxLength === undefined && longest > MOST_STEPS ? ` (more with --max-length; the longest has ${grouped(longest)})` : "";
    notes.push(
      `the first ${grouped(time)} steps of each sequence are seen${longer}: ${grouped(cut)} of ${grouped(table.rows)} are longer, ${((100 * lost) / steps).toPrecision(2)} % of all steps are cut off`,
    );
  }
  if (empty > 0)
    notes.push(
      `${empty === 1 ? "1 sequence is" : `${grouped(empty)} sequences are`} empty, the first in row ${grouped(first + 1)}: each counts as one step without a value`,
    );
  const fixed = shorter === 0 && cut === 0;
  const season = windows?.season;
  return { lengths: season === undefined ? { time, fixed } : { time: time - season, fixed, season }, notes };
}

const stepsAt = ({ offsets }: SequenceColumn, row: number): number => offsets[row + 1]! - offsets[row]!;

/** @throws GradusError where all sequences had one length in training, and one of these has another */
export function checkLengths(column: SequenceColumn, rows: Int32Array, { fixed, time: seen, season = 0 }: SequenceLengths): void {
  if (!fixed) return;
  const time = seen + season;
  const other = rows.find((row) => stepsAt(column, row) !== time);
  if (other === undefined) return;
  throw new GradusError(
    `row ${other + 1}: column "${column.name}" should hold ${grouped(time)} steps, as every sequence of the training did, found ${grouped(stepsAt(column, other))}.`,
    { hint: "bring the sequences to that length, or train on sequences of different lengths." },
  );
}
