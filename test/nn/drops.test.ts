import { describe, expect, test } from "vitest";
import { architectureByName, architectures, type ArchitectureName } from "../../src/nn/architectures/index.ts";
import type { ArchitectureOptions, DataShape } from "../../src/nn/architecture.ts";
import type { Layer } from "../../src/nn/layer.ts";

const shapes: Record<ArchitectureName, DataShape> = {
  logistic: { inputShape: [4], outputs: 3 },
  mlp: { inputShape: [4], outputs: 3 },
  cnn: { inputShape: [1, 8, 8], outputs: 3 },
  resnet: { inputShape: [1, 8, 8], outputs: 3 },
  rnn: { inputShape: [5, 4], outputs: 3 },
  lstm: { inputShape: [5, 4], outputs: 3 },
  gru: { inputShape: [5, 4], outputs: 3 },
  transformer: { inputShape: [5, 4], outputs: 3 },
};

/** Kinds of layers in order, dropout with its numbers, activations left out. */
function outline(name: ArchitectureName, options: ArchitectureOptions): string[] {
  const kinds = (layers: readonly Layer[]): string[] =>
    layers.flatMap((layer) => {
      const { kind, ...rest } = layer as Layer & { readonly layers?: readonly Layer[]; readonly deviation?: number };
      if (kind === "activation") return [];
      if (kind === "dropout" || kind === "noise")
        return [
          `${kind} ${Object.entries(rest)
            .map(([key, value]) => (key === "keepProbability" || key === "deviation" ? value : key))
            .join(" ")}`,
        ];
      return rest.layers ? kinds(rest.layers) : [kind];
    });
  return kinds(architectureByName(name).build(shapes[name], options).layers);
}

describe("keep probabilities", () => {
  test("of an mlp: one for all, one for each, one more for the inputs", () => {
    const of = (keepProbability: number | number[]) => outline("mlp", { layers: [5, 4], keepProbability });
    expect(of(0.8)).toEqual(["dense", "dropout 0.8", "dense", "dropout 0.8", "dense"]);
    expect(of([1, 0.8])).toEqual(["dense", "dense", "dropout 0.8", "dense"]);
    expect(of([0.9, 1, 0.8])).toEqual(["dropout 0.9", "dense", "dense", "dropout 0.8", "dense"]);
    expect(of(1)).toEqual(["dense", "dense", "dense"]);
  });
  test("of a cnn: whole channels behind convolutions, and one number is the dense layer's", () => {
    expect(outline("cnn", { layers: [4, 5], keepProbability: 0.5 })).toEqual([
      "conv",
      "maxPool",
      "flatten",
      "dense",
      "dropout 0.5",
      "dense",
    ]);
    const each = outline("cnn", { layers: [4, 5], keepProbability: [0.9, 0.5] });
    expect(each).toEqual(["conv", "maxPool", "dropout 0.9 spatial", "flatten", "dense", "dropout 0.5", "dense"]);
  });
  test("of recurrent layers: the same units at every step between them", () => {
    const each = outline("gru", { layers: [4, 5], keepProbability: [0.9, 0.5] });
    expect(each).toEqual(["gru", "dropout 0.9 overTime", "gru", "dropout 0.5", "dense"]);
    expect(outline("gru", { layers: [4, 5], keepProbability: 0.5 })).toEqual(["gru", "gru", "dropout 0.5", "dense"]);
  });
  test("of a transformer: a block each", () => {
    const drops = outline("transformer", { layers: [8, 8], keepProbability: [1, 0.7] }).filter((kind) => kind.startsWith("dropout"));
    expect(drops).toEqual(["dropout 0.7", "dropout 0.7"]);
  });
  test("noise comes before everything, and logistic regression may drop its inputs", () => {
    expect(outline("logistic", { keepProbability: [0.9], inputNoise: 0.1 })).toEqual(["noise 0.1", "dropout 0.9", "dense"]);
  });
  test.each(Object.keys(architectures) as ArchitectureName[])("%s takes noise and keep probabilities of its layers", (name) => {
    const count = architectures[name].layers.length;
    const found = outline(name, { keepProbability: new Array<number>(count + 1).fill(0.9), inputNoise: 0.1 });
    expect(found.filter((kind) => kind.startsWith("noise"))).toEqual(["noise 0.1"]);
    expect(found.filter((kind) => kind.startsWith("dropout")).length).toBeGreaterThanOrEqual(count + 1);
  });
  test.each([
    [{ layers: [5, 4], keepProbability: [0.8] }, "mlp has 2 hidden layers, and keepProbability is a list of 1."],
    [{ keepProbability: 0 }, "keepProbability must be a number above 0, at most 1, found 0."],
    [{ keepProbability: [1, 1.5] }, "keepProbability must be a number above 0, at most 1, found 1.5."],
    [{ inputNoise: -1 }, "inputNoise must be a number of at least 0, found -1."],
  ] as [ArchitectureOptions, string][])("%j is refused", (options, message) => {
    expect(() => outline("mlp", options)).toThrow(message);
  });
});
