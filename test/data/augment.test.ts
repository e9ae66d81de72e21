import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Affine, AugmentationSpec, Fill } from "../../src/data/augmentation.ts";
import { augmentedBatches, startWorker } from "../../src/data/augment-threads.ts";
import { fillSlot, inlineBatches, slotBytes, slotOf } from "../../src/data/augment-batches.ts";
import { control, pieces } from "../../src/data/augment-crew.ts";
import { augmentations, completeAugmentations, createAugmenter, exampleShape } from "../../src/data/augment-example.ts";
import { complaint } from "./files.ts";
import { labelWarnings } from "../../src/data/augment-labels.ts";
import { rotation } from "../../src/data/augmentations/rotate.ts";
import { compose, identity, resample } from "../../src/data/resample.ts";
import { rng } from "../../src/util/rng.ts";

const normals = (count: number, seed = 1) => rng(seed, "test").fillNormal(new Float32Array(count));
const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** One example, augmented. */
function augment(specs: readonly AugmentationSpec[], shape: readonly number[], source: Float32Array, example = 0, options = {}) {
  const out = new Float32Array(size(shape));
  createAugmenter(specs, exampleShape(shape)).apply({ seed: 1, epoch: 1, example }, source, out, options);
  return out;
}

/** The definition of bilinear interpolation, one pixel at a time: Σ value·(1−|Δx|)(1−|Δy|) over all pixels near the place. */
function slowResample(
  source: Float32Array,
  [channels = 1, height = 1, width = 1]: readonly number[],
  map: Affine,
  fill: Fill,
): Float64Array {
  const out = new Float64Array(source.length);
  const [cx, cy] = [(width - 1) / 2, (height - 1) / 2];
  for (let channel = 0; channel < channels; channel++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) {
        const [u, v] = [x - cx, y - cy];
        const [sx, sy] = [map[0] * u + map[1] * v + map[2] + cx, map[3] * u + map[4] * v + map[5] + cy];
        let value = 0;
        for (let j = Math.floor(sy); j <= Math.floor(sy) + 1; j++)
          for (let i = Math.floor(sx); i <= Math.floor(sx) + 1; i++) {
            const inside = i >= 0 && i < width && j >= 0 && j < height;
            const [ci, cj] = [Math.min(width - 1, Math.max(0, i)), Math.min(height - 1, Math.max(0, j))];
            const pixel = inside || fill === "edge" ? source[(channel * height + cj) * width + ci]! : fill;
            value += pixel * (1 - Math.abs(sx - i)) * (1 - Math.abs(sy - j));
          }
        out[(channel * height + y) * width + x] = value;
      }
  return out;
}

describe("geometry", () => {
  const shape = [3, 9, 13];
  const image = normals(size(shape));

  test.each<[string, Affine]>([
    ["identity", identity],
    ["turned", rotation(33)],
    ["turned far", rotation(-171)],
    ["moved", [1, 0, 2.3, 0, 1, -5.8]],
    ["moved by whole pixels", [1, 0, 3, 0, 1, -20]],
    ["mirrored and moved", [-1, 0, 4, 0, -1, 1]],
    ["all at once", compose(rotation(20), [1.3, 0.4, -1.5, 0, 0.7, 2.5])],
  ])("%s: bilinear interpolation by its definition, with either fill", (_, map) => {
    for (const fill of ["edge", 0, -2.5] as const) {
      const out = new Float32Array(image.length);
      resample(image, out, shape, map, fill);
      const expected = slowResample(image, shape, map, fill);
      out.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5));
    }
  });

  test("a flip twice is the image, to the bit; once, each row reversed", () => {
    for (const [kind, at] of [
      ["flip", (x: number, y: number) => y * 13 + 12 - x],
      ["flipVertical", (x: number, y: number) => (8 - y) * 13 + x],
    ] as const) {
      const once = augment([{ kind, probability: 1 }], shape, image);
      for (let c = 0; c < 3; c++)
        for (let y = 0; y < 9; y++) for (let x = 0; x < 13; x++) expect(once[c * 117 + y * 13 + x]).toBe(image[c * 117 + at(x, y)]);
      expect(augment([{ kind, probability: 1 }], shape, once)).toEqual(image);
    }
  });

  test("a quarter turn of a square is exact and counter-clockwise; four are the image", () => {
    const square = normals(2 * 8 * 8);
    let turned: Float32Array = square;
    for (let quarter = 1; quarter <= 4; quarter++) {
      const before = turned;
      turned = new Float32Array(square.length);
      resample(before, turned, [2, 8, 8], rotation(90), 0);
      // The right column becomes the top row.
      for (let c = 0; c < 2; c++)
        for (let y = 0; y < 8; y++) for (let x = 0; x < 8; x++) expect(turned[c * 64 + y * 8 + x]).toBe(before[c * 64 + x * 8 + 7 - y]);
    }
    expect(turned).toEqual(square);
  });

  test("a crop is a window of the padded image, every window as likely as another", () => {
    const counts = new Map<string, number>();
    for (let example = 0; example < 2500; example++) {
      const out = augment([{ kind: "crop", padding: 2, fill: 7 }], [1, 5, 6], normals(30), example);
      const found = [-2, -1, 0, 1, 2]
        .flatMap((dx) => [-2, -1, 0, 1, 2].map((dy) => [dx, dy] as const))
        .filter(([dx, dy]) => {
          const padded = (x: number, y: number) => (x < 0 || x > 5 || y < 0 || y > 4 ? 7 : normals(30)[y * 6 + x]!);
          return example < 60
            ? out.every((value, i) => value === padded((i % 6) + dx, Math.floor(i / 6) + dy))
            : out[2 * 6 + 2] === padded(2 + dx, 2 + dy) && out[2 * 6 + 3] === padded(3 + dx, 2 + dy);
        });
      expect(found).toHaveLength(1);
      counts.set(String(found[0]), (counts.get(String(found[0])) ?? 0) + 1);
    }
    expect(counts.size).toBe(25);
    // χ² with 24 degrees of freedom: 60 is beyond its 1 − 10⁻⁴ quantile.
    expect(sum([...counts.values()].map((n) => (n - 100) ** 2 / 100))).toBeLessThan(60);
  });

  test("a rotation's angle is uniform up to its limit; a resized crop stays inside and takes the area it says", () => {
    // On u + 1000·v, interpolation is exact: the corners' differences give the map back.
    const [height, width] = [41, 41];
    const ramp = Float32Array.from({ length: height * width }, (_, i) => (i % width) - 20 + 1000 * (Math.floor(i / width) - 20));
    const mapOf = (specs: readonly AugmentationSpec[], example: number) => {
      const out = augment(specs, [1, height, width], ramp, example);
      const [centre, right, down] = [out[20 * 41 + 20]!, out[20 * 41 + 24]!, out[24 * 41 + 20]!].map((value) => {
        const v = Math.round(value / 1000);
        return value - 1000 * v > 500 ? [0, 0] : [value, v];
      });
      return { centre: centre![0]!, x: (right![0]! - centre![0]!) / 4, y: (down![0]! - centre![0]!) / 4 };
    };
    const angles = Array.from(
      { length: 1000 },
      (_, i) => (Math.asin(mapOf([{ kind: "rotate", degrees: 30 }], i).x / 1000.0005) * 180) / Math.PI,
    );
    expect(Math.max(...angles)).toBeLessThan(30.2);
    expect(Math.max(...angles)).toBeGreaterThan(29);
    expect(Math.min(...angles)).toBeLessThan(-29);
    // The mean of a thousand uniform angles in ±30: deviation 17.3/√1000 = 0.55.
    expect(Math.abs(sum(angles) / 1000)).toBeLessThan(2.2);
    const areas = Array.from({ length: 500 }, (_, i) => {
      const { x, y } = mapOf([{ kind: "resizedCrop", area: 0.3, aspect: 1.2 }], i);
      return x * (y / 1000);
    });
    expect(Math.min(...areas)).toBeGreaterThan(0.28);
    expect(Math.max(...areas)).toBeLessThanOrEqual(1.001);
    for (let i = 0; i < 200; i++) {
      const out = augment([{ kind: "resizedCrop", area: 0.2 }], [1, height, width], ramp, i);
      // Inside, no two pixels of a row of the ramp are alike: nothing is repeated at the border by more than half a pixel.
      for (let y = 1; y < 40; y++) expect(out[y * 41 + 1]).not.toBe(out[y * 41 + 2]);
    }
  });

  test("geometry in a row is one map: what leaves the frame and comes back is still there", () => {
    const there = [
      { kind: "affine", scale: 0, translate: 5 },
      { kind: "rotate", degrees: 40 },
      { kind: "flip", probability: 1 },
    ] as const;
    const source = normals(400);
    const out = augment(there, [1, 20, 20], source, 3);
    const settings = (kind: string) => ({
      ...Object.fromEntries(Object.entries(augmentations[kind]!.settings).map(([k, s]) => [k, s.default])),
    });
    const draw = rng(1, "augment 1", 3);
    let map = identity;
    for (const { kind, ...own } of there) {
      draw.uniform();
      map = compose(map, augmentations[kind]!.map!({ ...settings(kind), ...own, fill: "edge" } as never, draw, [1, 20, 20]));
    }
    const expected = slowResample(source, [1, 20, 20], map, "edge");
    out.forEach((value, i) => expect(Math.abs(value - expected[i]!)).toBeLessThan(1e-5));
  });
});

describe("elastic distortion", () => {
  const shape = [1, 48, 48];
  const fields = (example: number, specs: Partial<AugmentationSpec> = {}) => {
    const field = { dx: new Float32Array(48 * 48), dy: new Float32Array(48 * 48) };
    const settings = { displacement: 2, cells: 6, fill: "edge", ...specs } as never;
    augmentations["elastic"]!.displace!(settings, rng(1, "field", example), shape, field);
    return field;
  };

  test("its displacement has the deviation that was asked for, in both directions, and mean 0", () => {
    const all = Array.from({ length: 300 }, (_, i) => fields(i)).flatMap(({ dx, dy }) => [
      ...dx.filter((_, i) => i % 7 === 0),
      ...dy.filter((_, i) => i % 7 === 0),
    ]);
    expect(Math.abs(sum(all) / all.length)).toBeLessThan(0.08);
    expect(Math.sqrt(sum(all.map((d) => d * d)) / all.length)).toBeGreaterThan(1.93);
    expect(Math.sqrt(sum(all.map((d) => d * d)) / all.length)).toBeLessThan(2.07);
  });

  test("it is smooth: third differences along rows and columns stay below what a cubic spline's can be", () => {
    const spacing = 8;
    for (let example = 0; example < 20; example++) {
      const { dx } = fields(example);
      // |d³| ≤ Σ|binomial|·max|control|/spacing³: 8·4.3·(2/0.479)/512, and control points along the other axis only average.
      const limit = (8 * 4.3 * (2 / (151 / 315))) / spacing ** 3 + 1e-4;
      for (let y = 0; y < 48; y++)
        for (let x = 0; x < 45; x++) {
          const third = (at: number, by: number) => dx[at + 3 * by]! - 3 * dx[at + 2 * by]! + 3 * dx[at + by]! - dx[at]!;
          expect(Math.abs(third(y * 48 + x, 1))).toBeLessThan(limit);
          expect(Math.abs(third(x * 48 + y, 48))).toBeLessThan(limit);
        }
    }
  });

  test("on a ramp the result is the ramp at the displaced place", () => {
    const ramp = Float32Array.from({ length: 48 * 48 }, (_, i) => (i % 48) + 3 * Math.floor(i / 48));
    const out = augment([{ kind: "elastic", displacement: 1, cells: 4 }], shape, ramp, 5);
    const draw = rng(1, "augment 1", 5);
    draw.uniform();
    const field = { dx: new Float32Array(48 * 48), dy: new Float32Array(48 * 48) };
    augmentations["elastic"]!.displace!({ displacement: 1, cells: 4, fill: "edge" } as never, draw, shape, field);
    for (let y = 6; y < 42; y++)
      for (let x = 6; x < 42; x++) {
        const i = y * 48 + x;
        expect(Math.abs(out[i]! - (ramp[i]! + field.dx[i]! + 3 * field.dy[i]!))).toBeLessThan(1e-3);
      }
  });
});

describe("numbers", () => {
  test("noise is normal with the deviation that was asked for, independent between numbers and examples", () => {
    const zeros = new Float32Array(2001);
    const drawn = Array.from({ length: 50 }, (_, i) => augment([{ kind: "noise", deviation: 0.5 }], [3, 23, 29], zeros, i));
    const all = drawn.flatMap((one) => [...one]);
    const n = all.length;
    const moment = (power: number) => sum(all.map((x) => (x / 0.5) ** power)) / n;
    // Five standard errors: √(1/n), √(2/n), √(15/n), √(96/n).
    expect(Math.abs(moment(1))).toBeLessThan(5 * Math.sqrt(1 / n));
    expect(Math.abs(moment(2) - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
    expect(Math.abs(moment(3))).toBeLessThan(5 * Math.sqrt(15 / n));
    expect(Math.abs(moment(4) - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
    const lag = sum(all.slice(1).map((x, i) => x * all[i]! * 4)) / n;
    expect(Math.abs(lag)).toBeLessThan(5 / Math.sqrt(n));
  });

  test("noise in a table leaves columns alone that are no amounts, in a sequence its padding", () => {
    const augmenter = createAugmenter([{ kind: "noise" }], exampleShape([6], Int32Array.of(0, 4)));
    const out = new Float32Array(6);
    augmenter.apply({ seed: 1, epoch: 1, example: 0 }, new Float32Array(6).fill(1), out);
    expect([...out].map((x) => x === 1)).toEqual([false, true, true, true, false, true]);
    const sequence = augment([{ kind: "noise" }], [7, 2], new Float32Array(14), 0, { length: 4 });
    expect([...sequence].map((x) => x === 0)).toEqual([...Array(8).fill(false), ...Array(6).fill(true)]);
  });

  test("colour: brightness adds, contrast stretches about the mean, saturation about grey", () => {
    const shape = [3, 6, 7];
    const image = normals(size(shape));
    const only = (settings: object) =>
      augment([{ kind: "color", brightness: 0, contrast: 0, saturation: 0, ...settings }], shape, image, 11);
    const added = only({ brightness: 0.5 }).map((value, i) => value - image[i]!);
    expect(Math.max(...added) - Math.min(...added)).toBeLessThan(1e-5);
    expect(Math.abs(added[0]!)).toBeGreaterThan(0.001);
    expect(Math.abs(added[0]!)).toBeLessThanOrEqual(0.5);
    const mean = sum(image) / image.length;
    const stretched = only({ contrast: 0.5 });
    const factor = (stretched[0]! - mean) / (image[0]! - mean);
    expect(Math.abs(factor - 1)).toBeLessThanOrEqual(0.5);
    stretched.forEach((value, i) => expect(Math.abs(value - (mean + factor * (image[i]! - mean)))).toBeLessThan(1e-4));
    const vivid = only({ saturation: 0.5 });
    const grey = (of: Float32Array, i: number) => 0.299 * of[i]! + 0.587 * of[i + 42]! + 0.114 * of[i + 84]!;
    for (let i = 0; i < 42; i++) expect(Math.abs(grey(vivid, i) - grey(image, i))).toBeLessThan(1e-5);
    const strength = (vivid[0]! - grey(image, 0)) / (image[0]! - grey(image, 0));
    expect(Math.abs(strength - 1)).toBeGreaterThan(0.001);
    for (let i = 0; i < 126; i++)
      expect(Math.abs(vivid[i]! - (grey(image, i % 42) + strength * (image[i]! - grey(image, i % 42))))).toBeLessThan(1e-4);
  });

  test("cutout makes one square 0, in all channels, and nothing else", () => {
    const image = new Float32Array(2 * 12 * 15).fill(1);
    const areas = new Set<number>();
    for (let example = 0; example < 200; example++) {
      const out = augment([{ kind: "cutout", size: 5 }], [2, 12, 15], image, example);
      const hidden = [...out.keys()].filter((i) => out[i] === 0);
      const first = hidden.filter((i) => i < 180);
      expect(hidden).toEqual([...first, ...first.map((i) => i + 180)]);
      const [xs, ys] = [new Set(first.map((i) => i % 15)), new Set(first.map((i) => Math.floor(i / 15)))];
      expect(xs.size * ys.size).toBe(first.length);
      expect(Math.max(xs.size, ys.size)).toBeLessThanOrEqual(5);
      expect(Math.max(...xs) - Math.min(...xs)).toBe(xs.size - 1);
      areas.add(first.length);
    }
    expect(Math.max(...areas)).toBe(25);
    expect(Math.min(...areas)).toBe(9);
  });
});

describe("sequences", () => {
  const source = Float32Array.from({ length: 20 }, (_, i) => (i < 14 ? i + 1 : 0));

  test("a time shift moves the valid steps and fills what is free; padding stays", () => {
    const seen = new Set<number>();
    for (let example = 0; example < 200; example++) {
      const out = augment([{ kind: "timeShift", steps: 3, fill: -1 }], [10, 2], source, example, { length: 7 });
      const shift = [-3, -2, -1, 0, 1, 2, 3].filter((by) =>
        out.every((value, i) => {
          const from = (i >> 1) - by;
          return value === (i >= 14 ? 0 : from < 0 || from >= 7 ? -1 : source[2 * from + (i & 1)]);
        }),
      );
      expect(shift).toHaveLength(1);
      seen.add(shift[0]!);
    }
    expect(seen.size).toBe(7);
    // Without a fill of its own, the nearest step is repeated.
    for (let example = 0; example < 20; example++) {
      const edged = augment([{ kind: "timeShift", steps: 3 }], [10, 2], source, example, { length: 7 });
      const shift = [-3, -2, -1, 0, 1, 2, 3].find((by) => edged[6] === source[6 - 2 * by])!;
      edged.forEach((value, i) => expect(value).toBe(i >= 14 ? 0 : source[2 * Math.min(6, Math.max(0, (i >> 1) - shift)) + (i & 1)]));
    }
  });

  test("a mask hides one span, never more than half of the valid steps", () => {
    const lengths = new Set<number>();
    for (let example = 0; example < 300; example++) {
      const out = augment([{ kind: "timeMask", steps: 9 }], [10, 2], source, example, { length: 7 });
      const hidden = [0, 1, 2, 3, 4, 5, 6].filter((step) => out[2 * step] === 0 && out[2 * step + 1] === 0);
      out.forEach((value, i) => expect(value).toBe(hidden.includes(i >> 1) ? 0 : source[i]));
      if (hidden.length > 0) expect(hidden.at(-1)! - hidden[0]! + 1).toBe(hidden.length);
      lengths.add(hidden.length);
    }
    expect(lengths).toEqual(new Set([0, 1, 2, 3]));
  });

  test("an empty sequence stays empty", () => {
    for (const kind of ["timeShift", "timeMask", "noise"])
      expect([...augment([{ kind }], [4, 2], new Float32Array(8), 1, { length: 0 })]).toEqual(new Array(8).fill(0));
  });
});

describe("batches", () => {
  const shape = [1, 12, 12];
  const rows = 70;
  const everything: AugmentationSpec[] = [
    { kind: "flip" },
    { kind: "rotate", degrees: 25 },
    { kind: "elastic" },
    { kind: "cutout", size: 3, probability: 0.5 },
    { kind: "mixup", alpha: 1, probability: 0.7 },
    { kind: "noise" },
  ];
  const data = { features: normals(rows * 144), targets: normals(rows * 2, 2) };
  const plan = (specs: readonly AugmentationSpec[], batch = 16) => ({ specs, example: exampleShape(shape), seed: 3, batch });
  const order = (epoch: number) => rng(1, "order", epoch).permutation(rows);

  /** Two epochs, batch by batch, and the beginning of a third, broken off. */
  function epochs(source: ReturnType<typeof inlineBatches>, batch = 16): number[][] {
    const seen: number[][] = [];
    for (const epoch of [1, 2, 3]) {
      source.begin(epoch, order(epoch));
      for (let i = 0; i < (epoch === 2 ? 2 : Math.ceil(rows / batch)); i++) {
        const { size: count, features, targets } = source.next();
        seen.push([count, ...features.subarray(0, count * 144), ...targets.subarray(0, count * 2)]);
      }
    }
    source.dispose();
    return seen;
  }

  test.each([1, 2, 3])("%i worker threads give the bits that none gives, partial batches and broken epochs too", (workers) => {
    expect(epochs(augmentedBatches(plan(everything), data, workers))).toEqual(epochs(augmentedBatches(plan(everything), data, 0)));
  });

  test("workers make a batch by themselves", () => {
    const own = plan(everything);
    const augmenter = createAugmenter(own.specs, own.example);
    const memory = [slotBytes(own, true).map((bytes) => new SharedArrayBuffer(bytes))];
    const crew = { plan: own, memory, state: new SharedArrayBuffer(control.bytes(1)) };
    const state = new Int32Array(crew.state);
    const slot = slotOf(memory[0]!);
    const rowsOfBatch = order(1).subarray(0, 16);
    fillSlot(slot, augmenter, own, data, 1, rowsOfBatch);
    Atomics.store(state, control.next(0), control.turn);
    Atomics.add(state, control.posted, 1);
    const workers = [startWorker(crew), startWorker(crew)];
    for (let done = 0; done < pieces(16); done = Atomics.load(state, control.done(0)))
      expect(Atomics.wait(state, control.done(0), done, 60_000)).not.toBe("timed-out");
    for (const worker of workers) void worker.terminate();
    expect([...slot.output]).toEqual([...inlineBatches(own, data).show(1, rowsOfBatch).features]);
  });

  test("an example is augmented alike in any batch and order, and can be shown again; another epoch, seed or example differs", () => {
    const one = inlineBatches(plan(everything), data);
    const of = (epoch: number, chosen: number[], at: number) => [...one.show(epoch, chosen).features.subarray(at * 144, (at + 1) * 144)];
    expect(of(5, [9, 4, 33], 1)).toEqual(of(5, [4], 0));
    expect(of(5, [4, 4], 0)).toEqual(of(5, [4, 4], 1));
    expect(of(6, [4], 0)).not.toEqual(of(5, [4], 0));
    const flat = { ...data, features: new Float32Array(rows * 144).map((_, i) => i % 144) };
    const same = inlineBatches(plan([{ kind: "rotate" }]), flat);
    expect([...same.show(1, [1]).features.subarray(0, 144)]).not.toEqual([...same.show(1, [2]).features.subarray(0, 144)]);
    const other = inlineBatches({ ...plan(everything), seed: 4 }, data);
    expect([...other.show(5, [4]).features.subarray(0, 144)]).not.toEqual(of(5, [4], 0));
  });

  test("mixup mixes targets as it mixes examples; λ follows Beta(α, α)", () => {
    // Each example is its own number, everywhere and as target.
    const numbered = {
      features: Float32Array.from({ length: rows * 144 }, (_, i) => Math.floor(i / 144)),
      targets: Float32Array.from({ length: rows * 2 }, (_, i) => (i % 2 === 0 ? Math.floor(i / 2) : 2 * Math.floor(i / 2) + 1)),
    };
    const shares: number[] = [];
    const source = inlineBatches({ ...plan([{ kind: "mixup", alpha: 0.5 }], rows) }, numbered);
    for (let epoch = 1; epoch <= 60; epoch++) {
      const { features, targets } = source.show(epoch, [...Array(rows).keys()]);
      const augmenter = createAugmenter([{ kind: "mixup", alpha: 0.5 }], exampleShape(shape));
      for (let i = 0; i < rows; i++) {
        const { example, share } = augmenter.partner({ seed: 3, epoch, example: i }, rows)!;
        expect(Math.abs(features[i * 144 + 77]! - (share * i + (1 - share) * example))).toBeLessThan(1e-4);
        expect(Math.abs(targets[2 * i]! - features[i * 144]!)).toBeLessThan(1e-4);
        expect(Math.abs(targets[2 * i + 1]! - (2 * features[i * 144]! + 1))).toBeLessThan(2e-4);
        shares.push(share);
      }
    }
    const n = shares.length;
    const mean = sum(shares) / n;
    const variance = sum(shares.map((s) => (s - mean) ** 2)) / n;
    // Beta(½, ½), the arcsine law: mean ½, variance ⅛, a third of it below ¼ (2/π·asin ½).
    expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(0.125 / n));
    expect(Math.abs(variance - 0.125)).toBeLessThan(0.007);
    expect(Math.abs(shares.filter((s) => s < 0.25).length / n - 1 / 3)).toBeLessThan(5 * Math.sqrt(2 / 9 / n));
  });

  test("the mixed sequence is as long as the longer one", () => {
    const sequences = { features: normals(10 * 8), targets: normals(10), lengths: Int32Array.from({ length: 10 }, (_, i) => (i % 4) + 1) };
    const source = inlineBatches({ specs: [{ kind: "mixup", alpha: 1 }], example: exampleShape([4, 2]), seed: 1, batch: 10 }, sequences);
    const augmenter = createAugmenter([{ kind: "mixup", alpha: 1 }], exampleShape([4, 2]));
    const { lengths } = source.show(1, [...Array(10).keys()]);
    const expected = [...Array(10).keys()].map((example) =>
      Math.max(sequences.lengths[example]!, sequences.lengths[augmenter.partner({ seed: 1, epoch: 1, example }, 10)!.example]!),
    );
    expect([...lengths!]).toEqual(expected);
  });
});

describe("lists", () => {
  test("every kind works on every form it says, with its usual settings, and leaves the source alone", () => {
    const shapes = { image: [3, 10, 8], sequence: [9, 2], table: [12] } as const;
    for (const { kind, forms } of Object.values(augmentations))
      for (const form of forms) {
        const source = normals(size(shapes[form]));
        const before = source.slice();
        const partner = { partner: { share: 0.4, values: normals(size(shapes[form]), 2), example: 1 } };
        const outs = [0, 1, 2, 3, 4, 5, 6, 7].map((example) =>
          augment([{ kind }], shapes[form], source, example, kind === "mixup" ? partner : {}),
        );
        expect(source).toEqual(before);
        expect(outs.every((out) => out.every(Number.isFinite))).toBe(true);
        expect(outs.some((out) => out.some((value, i) => value !== source[i]))).toBe(true);
      }
  });

  test("docs/data.md has a row for each kind, its settings with their usual values", () => {
    const rows = readFileSync(new URL("../../docs/data.md", import.meta.url), "utf8").split("\n");
    for (const { kind, about, settings } of Object.values(augmentations)) {
      const row = rows.find((one) => one.startsWith(`| \`${kind}\` |`)) ?? "";
      expect(row).toContain(about);
      for (const [name, one] of Object.entries(settings))
        expect(row).toContain(`\`${name}\` (${Number(one.default.toFixed(3))}): ${one.about}`);
    }
  });

  test.each<[AugmentationSpec[], number[], string]>([
    [[{ kind: "flipp" }], [1, 4, 4], 'no augmentation "flipp".'],
    [[{ kind: "rotate", degree: 3 }], [1, 4, 4], 'rotate has no setting "degree".'],
    [[{ kind: "rotate", degrees: 400 }], [1, 4, 4], "degrees must be degrees above 0, at most 180, found 400."],
    [[{ kind: "flip" }], [16], "flip is for images; these examples are rows of 16 numbers."],
    [[{ kind: "timeShift" }], [1, 4, 4], "timeShift is for sequences; these examples are images of 1×4×4."],
    [[{ kind: "noise", fill: 0 }], [16], 'noise has no setting "fill".'],
    [[{ kind: "mixup" }, { kind: "mixup" }], [16], "examples are mixed once: two mixups in one list."],
  ])("a mistake is one message: %j", (specs, shape, message) => {
    expect(() => createAugmenter(specs, exampleShape(shape))).toThrow(message);
  });

  test("a list is stored with every setting, and means the same then", () => {
    const specs = [{ kind: "rotate" }, { kind: "affine", shear: 10 }, { kind: "noise" }];
    const complete = completeAugmentations(specs, exampleShape([1, 8, 8]));
    expect(complete[0]).toEqual({ kind: "rotate", degrees: 10, fill: "edge", probability: 1 });
    expect(complete[1]).toEqual({ kind: "affine", scale: 0.1, shear: 10, translate: 0, fill: "edge", probability: 1 });
    const image = normals(64);
    expect(augment(complete, [1, 8, 8], image)).toEqual(augment(specs, [1, 8, 8], image));
  });

  test("changes that would make labels wrong are warned about, and others are not", () => {
    const of = (spec: AugmentationSpec, classes: readonly string[]) =>
      labelWarnings([spec], classes).flatMap(({ message }) => /classes (.*) are/.exec(message)![1]!.split(", "));
    const digits = [..."0123456789"];
    expect(of({ kind: "flip" }, digits)).toEqual([..."23456", "…"]);
    expect(of({ kind: "flipVertical" }, digits)).toEqual([..."24567", "…"]);
    expect(of({ kind: "rotate", degrees: 180 }, digits)).toEqual([..."12345", "…"]);
    expect(of({ kind: "rotate", degrees: 15 }, digits)).toEqual([]);
    expect(of({ kind: "crop" }, digits)).toEqual([]);
    expect(of({ kind: "flip" }, ["six", "nine", "eight"])).toEqual(["six", "nine"]);
    expect(of({ kind: "flip" }, ["b", "d", "o"])).toEqual(["b", "d"]);
    expect(of({ kind: "flip" }, ["turn-left", "turn-right", "stop"])).toEqual(["turn-left", "turn-right"]);
    expect(of({ kind: "flipVertical" }, ["thumb up", "thumb down"])).toEqual(["thumb up", "thumb down"]);
    expect(of({ kind: "flip" }, ["thumb up", "thumb down"])).toEqual([]);
    expect(of({ kind: "flip" }, ["cat", "dog", "cleft", "upset"])).toEqual([]);
    expect(labelWarnings([{ kind: "flip" }], digits)[0]!.message).toBe(
      "flip: if the classes 2, 3, 4, 5, 6, … are pictures of digits, one that is mirrored is no longer what its label says",
    );
  });
});

test("a crop that could miss the image is refused with the numbers", async () => {
  const steps = (padding: number) => () => completeAugmentations([{ kind: "crop", padding }], exampleShape([1, 12, 14]));
  expect(await complaint(steps(99))).toBe(
    "crop with 99 pixels on each side of 12×14 images would cut out windows that hold none of the image; it may shift them by 11 at most. | usual is an eighth: crop=2",
  );
  expect(await complaint(steps(12))).toContain("12 pixels on each side of 12×14");
  expect(steps(11)()).toMatchObject([{ padding: 11 }]);
});
