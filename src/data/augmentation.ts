/** The contract of an augmentation: how one training example is changed at random, as a pure function of its settings and its draws. */
import type { Range } from "../util/range.ts";
import type { Rng } from "../util/rng.ts";

/** What an example is: an image [channels, height, width], a sequence [steps, width], or a row of a table [columns]. */
export type Form = "image" | "sequence" | "table";

/** One example's numbers, as the network takes them: standardised, without the batch axis. */
export interface ExampleShape {
  readonly form: Form;
  readonly shape: readonly number[];
  /** Of a table: the columns that are amounts, and no one-hot or indicator; all where left out. */
  readonly numeric?: Int32Array;
}

/**
 * An inverse map in pixels around the centre of the frame, row by row: the result at (u, v) is the source at
 * (a·u + b·v + c, d·u + e·v + f); u runs to the right, v down.
 */
export type Affine = readonly [a: number, b: number, c: number, d: number, e: number, f: number];

/** Where a place outside the source gets its value: from the nearest pixel (step), or this number, 0 being the mean. */
export type Fill = "edge" | number;

/** A displacement per pixel, [height, width] each. */
export interface DisplacementField {
  readonly dx: Float32Array;
  readonly dy: Float32Array;
}

/** A number that a person may set. */
export interface Setting {
  readonly range: Range;
  readonly default: number;
  /** What it means, with its unit. */
  readonly about: string;
}

/** A setting's values by name, and the fill. */
export type SettingValues<K extends string = string> = Readonly<Record<K, number>> & { readonly fill: Fill };

/** One kind of augmentation. Exactly one of `map`, `displace`, `change` and `mix` does the work. */
export interface Augmentation<K extends string = string> {
  readonly kind: string;
  /** In words, for help and documents; a source where there is one. */
  readonly about: string;
  readonly forms: readonly Form[];
  /** The first one is what `kind=number` sets on the command line. */
  readonly settings: Readonly<Record<K, Setting>>;
  /** Share of the examples it changes, where nothing else is said. */
  readonly probability: number;
  /** Whether something outside the example is asked for, so that `fill` is a setting. */
  readonly fills: boolean;
  /** What is wrong with settings in range on examples of this shape. */
  readonly refuse?: (
    settings: SettingValues<K>,
    shape: readonly number[],
  ) => { readonly message: string; readonly hint: string } | undefined;
  /** Images: places move by one affine map; neighbours in a list are joined, and pixels interpolated once. */
  readonly map?: (settings: SettingValues<K>, draw: Rng, shape: readonly number[]) => Affine;
  /** Images: each place moves by its own displacement, in pixels of the result; written into `field`. */
  readonly displace?: (settings: SettingValues<K>, draw: Rng, shape: readonly number[], field: DisplacementField) => void;
  /** Changes the numbers in place. @param length the valid steps of a sequence */
  readonly change?: (settings: SettingValues<K>, draw: Rng, values: Float32Array, of: ExampleShape & { readonly length: number }) => void;
  /** The share of itself that an example keeps; the rest comes from another one, targets too. */
  readonly mix?: (settings: SettingValues<K>, draw: Rng) => number;
}

/** Annotates an augmentation's record; the settings' names are then checked. */
export function defineAugmentation<K extends string>(augmentation: Augmentation<K>): Augmentation {
  return augmentation as unknown as Augmentation;
}

/** An augmentation as it is written: its kind, and the settings that differ from the usual. */
export interface AugmentationSpec {
  readonly kind: string;
  readonly probability?: number | undefined;
  readonly fill?: Fill | undefined;
  readonly [setting: string]: string | number | undefined;
}

/** Which draw of the augmentation: the same triple gives the same numbers again. */
export interface AugmentationKey {
  readonly seed: number;
  readonly epoch: number;
  /** The row in the training part. */
  readonly example: number;
}

/** A uniform number between −limit and limit. */
export const within = (draw: Rng, limit: number): number => (2 * draw.uniform() - 1) * limit;
