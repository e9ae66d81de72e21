/** A list of augmentations made ready for one shape of example, and applied to one example at a time. */
import { sizeOf } from "../ir/shape.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import { checkRanges, ranges, type Range } from "../util/range.ts";
import { rngOfSteps, type Rng } from "../util/rng.ts";
import type { Affine, Augmentation, AugmentationKey, AugmentationSpec, ExampleShape, Fill, Form, SettingValues } from "./augmentation.ts";
import { allAugmentations } from "./augmentations/index.ts";
import { compose, identity, resample } from "./resample.ts";

/** The augmentations by kind. */
export const augmentations: Readonly<Record<string, Augmentation>> = Object.fromEntries(allAugmentations.map((one) => [one.kind, one]));

const forms: Readonly<Record<Form, string>> = { image: "images", sequence: "sequences", table: "tables" };

/** What an example of a shape is: three axes are an image, two a sequence, one is a row of a table. */
export function exampleShape(shape: readonly number[], numeric?: Int32Array): ExampleShape {
  const form = shape.length >= 3 ? "image" : shape.length === 2 ? "sequence" : "table";
  return { form, shape, ...(numeric ? { numeric } : {}) };
}

/** @throws GradusError for a kind that does not exist */
export function augmentationByKind(kind: string): Augmentation {
  if (Object.hasOwn(augmentations, kind)) return augmentations[kind]!;
  const kinds = Object.keys(augmentations);
  throw new GradusError(`no augmentation "${kind}".`, { hint: didYouMean(kind, kinds, "augmentations") });
}

/** What may be set of a kind. @throws GradusError for a kind that does not exist */
export function settingNames(kind: string): string[] {
  const { settings, fills } = augmentationByKind(kind);
  return ["kind", ...Object.keys(settings), ...(fills ? ["fill"] : []), "probability"];
}

/** One augmentation with every setting filled in. */
interface Prepared {
  readonly of: Augmentation;
  readonly settings: SettingValues;
  readonly probability: number;
}

/** @throws GradusError for an unknown kind or setting, a number out of its range, or a kind that is not for such examples */
function prepare(spec: AugmentationSpec, { form, shape }: ExampleShape): Prepared {
  const of = augmentationByKind(spec.kind);
  const known = settingNames(spec.kind);
  for (const key of Object.keys(spec)) {
    if (!known.includes(key) && spec[key] !== undefined)
      throw new GradusError(`${of.kind} has no setting "${key}".`, { hint: didYouMean(key, known, "settings") });
  }
  const limits: [string, Range][] = Object.entries(of.settings).map(([name, { range }]) => [name, range]);
  checkRanges(spec, { ...Object.fromEntries(limits), probability: ranges.keepProbability });
  const { fill = "edge" } = spec;
  if (fill !== "edge" && !Number.isFinite(fill)) throw new GradusError(`fill must be edge or a number, found ${String(fill)}.`);
  if (!of.forms.includes(form)) {
    const what = `these examples are ${form === "table" ? `rows of ${shape[0]} numbers` : `${forms[form]} of ${shape.join("×")}`}`;
    const hint =
      form === "table" ? "a shape says what a row is: --shape 1x28x28 for an image, 50x3 for a sequence" : `left out: ${of.kind}`;
    throw new GradusError(`${of.kind} is for ${of.forms.map((one) => forms[one]).join(" and ")}; ${what}.`, { hint });
  }
  const settings = Object.fromEntries(Object.entries(of.settings).map(([name, one]) => [name, spec[name] ?? one.default]));
  const wrong = of.refuse?.({ ...settings, fill } as SettingValues, shape);
  if (wrong) throw new GradusError(wrong.message, { hint: wrong.hint });
  return { of, settings: { ...settings, fill } as SettingValues, probability: spec.probability ?? of.probability };
}

/** A list with every setting filled in, as a run stores it. @throws GradusError see {@link createAugmenter} */
export function completeAugmentations(specs: readonly AugmentationSpec[], example: ExampleShape): AugmentationSpec[] {
  return specs.map((spec) => {
    const { of, settings, probability } = prepare(spec, example);
    const { fill, ...numbers } = settings;
    return { kind: of.kind, ...numbers, ...(of.fills ? { fill } : {}), probability };
  });
}

/** Another example to mix with: the share that the first one keeps, and the other's numbers. */
export interface Partner {
  readonly share: number;
  readonly values: Float32Array;
  readonly example: number;
  readonly length?: number;
}

/** Applies one list of augmentations to examples of one shape. It holds scratch memory: one for each thread. */
export interface Augmenter {
  /** Numbers per example. */
  readonly size: number;
  /** Whether examples are mixed with others. */
  readonly mixes: boolean;
  /** Which example (of so many) it is mixed with, and the share it keeps itself; undefined where it stays alone. */
  partner(key: AugmentationKey, examples: number): { readonly example: number; readonly share: number } | undefined;
  /**
   * Writes the augmented example: a pure function of the key, the source and the partner.
   * @param source its numbers, left as they are; not the memory of `target`
   * @param length valid steps of a sequence; all where left out
   */
  apply(key: AugmentationKey, source: Float32Array, target: Float32Array, options?: { length?: number; partner?: Partner }): void;
}

/**
 * @example createAugmenter([{ kind: "flip" }, { kind: "rotate", degrees: 15 }], exampleShape([1, 28, 28]))
 * @throws GradusError for an unknown kind or setting, a number out of its range, a kind that is not for such examples, or two mixups
 */
export function createAugmenter(specs: readonly AugmentationSpec[], example: ExampleShape): Augmenter {
  const steps = specs.map((spec) => prepare(spec, example));
  const mixers = steps.filter(({ of }) => of.mix);
  if (mixers.length > 1) throw new GradusError("examples are mixed once: two mixups in one list.");
  const mixAt = mixers.length === 0 ? steps.length : steps.indexOf(mixers[0]!);
  const [before, after] = [createChain(steps.slice(0, mixAt), example), createChain(steps.slice(mixAt + 1), example)];
  const mixer = mixers[0];
  const size = sizeOf(example.shape);
  const whole = example.form === "sequence" ? example.shape[0]! : 1;
  const draws = keyedDraws("augment");
  const restDraws = keyedDraws("augment, mixed");
  const mixDraws = keyedDraws("mixup");
  const [other, mixed] = [new Float32Array(mixer ? size : 0), new Float32Array(mixer ? size : 0)];
  return {
    size,
    mixes: mixer !== undefined,
    partner(key, examples) {
      if (!mixer) return undefined;
      const draw = mixDraws(key);
      const [taken, found] = [draw.uniform() < mixer.probability, draw.integer(examples)];
      return taken ? { example: found, share: mixer.of.mix!(mixer.settings, draw) } : undefined;
    },
    apply(key, source, target, { length = whole, partner } = {}) {
      if (!mixer) return before(source, target, length, draws(key));
      if (partner) before(partner.values, other, partner.length ?? whole, draws({ ...key, example: partner.example }));
      before(source, mixed, length, draws(key));
      if (!partner) return after(mixed, target, length, restDraws(key));
      const rest = 1 - partner.share;
      for (let i = 0; i < size; i++) mixed[i] = partner.share * mixed[i]! + rest * other[i]!;
      after(mixed, target, Math.max(length, partner.length ?? whole), restDraws(key));
    },
  };
}

/** The generator of a key; it is restarted by the next call. */
function keyedDraws(stream: string): (key: AugmentationKey) => Rng {
  let [held, now] = [NaN, NaN];
  let of: (step: number) => Rng;
  return ({ seed, epoch, example }) => {
    if (held !== seed || now !== epoch) [held, now, of] = [seed, epoch, rngOfSteps(seed, `${stream} ${epoch}`)];
    return of(example);
  };
}

/** Neighbouring geometry is one map, interpolated once; everything else works in place. */
type Chain = (source: Float32Array, target: Float32Array, length: number, draw: Rng) => void;

function createChain(steps: readonly Prepared[], example: ExampleShape): Chain {
  const { shape } = example;
  const size = sizeOf(shape);
  const displaces = steps.some(({ of }) => of.displace);
  const pixels = displaces ? shape[1]! * shape[2]! : 0;
  const field = { dx: new Float32Array(pixels), dy: new Float32Array(pixels) };
  // Geometry reads one array and writes another; `spare` lends itself where both are the target.
  const spare = new Float32Array(steps.some(({ of }) => of.map ?? of.displace) ? size : 0);

  return (source, target, length, draw) => {
    let now = source;
    let map: Affine | undefined;
    let by: Affine | undefined;
    let fill: Fill | undefined;
    const flush = () => {
      if (map) {
        const to = now === target ? spare : target;
        const turned = by && { field, by: [by[0], by[1], by[3], by[4]] as const };
        resample(now, to, shape, map, fill ?? "edge", turned);
        now = to;
      }
      map = by = fill = undefined;
    };
    for (const { of, settings, probability } of steps) {
      // Drawn even where it is certain, so that a probability changes nothing of what follows.
      if (draw.uniform() >= probability) continue;
      if (of.change) {
        flush();
        if (now !== target) target.set(now);
        now = target;
        of.change(settings, draw, target, { ...example, length });
        continue;
      }
      if ((of.fills && fill !== undefined && fill !== settings.fill) || (of.displace && by)) flush();
      if (of.fills) fill = settings.fill;
      map ??= identity;
      if (of.map) map = compose(map, of.map(settings, draw, shape));
      else {
        by = map;
        of.displace!(settings, draw, shape, field);
      }
    }
    flush();
    if (now !== target) target.set(now);
  };
}
