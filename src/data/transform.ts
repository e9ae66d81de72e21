/** The contract of a transform: fitted on training rows to plain data, which builds its part of the preprocessing graph. */
import type { Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import type { Column } from "./table.ts";

/** What every fitted transform of a column says of itself; the rest is its own. Plain JSON. */
export interface ColumnPlan {
  readonly kind: string;
  /** The raw column, and the name of the graph's input. */
  readonly column: string;
  readonly sqlType: string;
}

/** What makes a piece of the design matrix a sequence. */
export interface SequenceBlock {
  readonly time: number;
  /** Whether every sequence has just so many steps. */
  readonly fixed: boolean;
  /** 1 where a step has a value, else 0: float32 [batch, time]. */
  readonly valid: Value;
  /** How many tokens there are, where the value is their numbers, [batch, time]. */
  readonly indices?: number;
}

/** A piece of the design matrix: `value` is float32 [batch, features.length], of sequences [batch, time, features.length]. */
export interface FeatureBlock {
  readonly value: Value;
  readonly sequence?: SequenceBlock;
  /** A name per column of the block, e.g. `age`, `age is missing`, `sex = male`. */
  readonly features: readonly string[];
}

/** Mean and standard deviation, with divisor m. */
export interface Moments {
  readonly mean: number;
  readonly deviation: number;
}

/** What a person may ask for a column of numbers, dates or categories; everything left out is as usual. */
export interface ColumnSettings {
  /** `robust`: median and quartiles; `minmax`: 0 to 1 over the training rows; `standardise` where left out. */
  readonly scale?: "standardise" | "robust" | "minmax" | "none" | undefined;
  /** Before that: `log` is ln(1 + x) (below 0 as Yeo and Johnson have it, λ = 0); `yeoJohnson` finds the power. */
  readonly power?: "none" | "log" | "yeoJohnson" | undefined;
  /** What a missing value becomes; that it was missing is a feature of its own. */
  readonly impute?: "mean" | "median" | number | undefined;
  /** `parts`: seconds, and the time of year, weekday and time of day as points on circles; `seconds` alone. */
  readonly dates?: "parts" | "seconds" | undefined;
  /** Of categories: an input for each (`oneHot`), or a learnt vector for each, which the network looks up (`embedding`). */
  readonly encode?: "oneHot" | "embedding" | undefined;
  /** Numbers of such a vector; min(50, ⌈k/2⌉) of k categories where left out. */
  readonly dimension?: number | undefined;
}

/** By column, and for all others. */
export interface TransformSettings {
  readonly default?: ColumnSettings | undefined;
  readonly columns?: Readonly<Record<string, ColumnSettings>> | undefined;
}

/** What a column is fitted with besides its own values. */
export interface FitContext {
  /** Of all numeric columns at once, where they are one thing (the pixels of an image): none is then left out. */
  readonly together?: Moments | undefined;
  /** Steps of a sequence that the network sees, whether every sequence has just so many, and of a series how many lie one season before. */
  readonly time?: number;
  readonly fixed?: boolean;
  readonly season?: number;
  /** [height, width] that images are brought to, in pixels; found from them where left out. */
  readonly size?: readonly [number, number] | undefined;
  readonly settings?: ColumnSettings;
  /** Whether the column is the only one. */
  readonly alone?: boolean;
}

/** One kind of transform, for one kind of column. */
export interface Transform<C extends Column, P extends ColumnPlan> {
  readonly kind: P["kind"];
  readonly applies: (column: Column, context: FitContext) => column is C;
  /**
   * Fits to a column that holds the training rows only.
   * @returns no plan where the column carries nothing there; the notes say so
   */
  readonly fit: (column: C, context: FitContext) => { readonly plan: P | undefined; readonly notes: readonly string[] };
  /** The raw input, named as the column: [batch, 1] of single values (NaN or "" is missing); of images [batch, height, width, channels]; of sequences [batch, time] or [batch, time, width]. */
  readonly input: (plan: P) => Value;
  /** The features of all columns with this transform. */
  readonly build: (plans: readonly P[], inputs: readonly Value[]) => FeatureBlock[];
  /** What the features of a column are together, e.g. [channels, height, width]; left out where each stands for itself. */
  readonly shape?: (plan: P) => readonly number[];
  /** The given rows of a column as the raw input takes them. */
  readonly raw: (column: C, rows: Int32Array, plan: P) => Tensor;
}

/** Annotates a transform's record. */
export function defineTransform<C extends Column, P extends ColumnPlan>(transform: Transform<C, P>): Transform<C, P> {
  return transform;
}
