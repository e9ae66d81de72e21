/** What ready architectures reach on real images, names and a time series. */
import type { Interval } from "../src/util/statistics.ts";
import { machine, type Machine } from "./machine.ts";
import { versions } from "./peers/gradus-versions.ts";
import { electricityQuality } from "./quality/electricity.ts";
import { imagesQuality } from "./quality/images.ts";
import { namesQuality } from "./quality/names.ts";

export interface QualityRow {
  readonly name: string;
  /** What was trained and measured, in words. */
  readonly what: string;
  readonly figure: Interval;
  readonly wanted: string;
  /** Undefined where it could not be told. */
  readonly met?: boolean;
  readonly seconds: number;
}

export interface QualityResult {
  readonly machine: Machine;
  /** Results of before have none. */
  readonly versions?: Readonly<Record<string, string>>;
  readonly rows: readonly QualityRow[];
}

const studies = { names: namesQuality, "taylor-electricity": electricityQuality, "fashion-mnist": imagesQuality };

export async function measureQuality(options: {
  readonly data: string;
  readonly chosen: (name: string) => boolean;
  readonly say: (line: string) => void;
}): Promise<QualityResult> {
  const rows: QualityRow[] = [];
  for (const [name, study] of Object.entries(studies)) {
    if (!options.chosen(name)) continue;
    const row = await study(options.data, options.say);
    const { value, low, high } = row.figure;
    options.say(`${name}: ${value.toFixed(4)} [${low.toFixed(4)}, ${high.toFixed(4)}], wanted ${row.wanted}, ${row.seconds.toFixed(0)} s`);
    rows.push(row);
  }
  return { machine: machine(), versions: await versions(), rows };
}
