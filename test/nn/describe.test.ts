import { expect, test } from "vitest";
import { architectures } from "../../src/nn/architectures/index.ts";
import { describeNetwork } from "../../src/nn/describe.ts";

test("a convolutional network's table: shapes, parameters and multiply-adds by hand", () => {
  const network = architectures.cnn.build({ inputShape: [1, 28, 28], outputs: 10 }, { layers: [6, 16, 120] });
  const { layers, parameters, multiplyAdds } = describeNetwork(network, [1, 28, 28]);
  expect(layers.map(({ name, output, parameters: n, multiplyAdds: m }) => [name, output.join("×"), n, m])).toEqual([
    ["conv_1", "6×28×28", 6 * 9 + 6, 28 * 28 * 6 * 9],
    ["maxPool_1", "6×14×14", 0, 0],
    ["relu_1", "6×14×14", 0, 0],
    ["conv_2", "16×14×14", 16 * 6 * 9 + 16, 14 * 14 * 16 * 6 * 9],
    ["maxPool_2", "16×7×7", 0, 0],
    ["relu_2", "16×7×7", 0, 0],
    ["flatten_1", "784", 0, 0],
    ["dense_1", "120", 784 * 120 + 120, 784 * 120],
    ["relu_3", "120", 0, 0],
    ["dense_2", "10", 1210, 1200],
  ]);
  expect(layers[0]).toMatchObject({ description: "6 filters, kernel 3", initializers: ["heNormal"] });
  expect(layers.at(-1)!.initializers).toEqual(["smallNormal"]);
  expect(parameters).toBe(60 + 880 + 94_200 + 1210);
  expect(multiplyAdds).toBe(42_336 + 169_344 + 94_080 + 1200);
});

test("layers inside another stand before it; running statistics are no parameters", () => {
  const network = architectures.resnet.build({ inputShape: [3, 8, 8], outputs: 2 }, { layers: [4, 8] });
  const { layers } = describeNetwork(network, [3, 8, 8]);
  const row = (name: string) => layers.find((one) => one.name === name)!;
  expect(row("residual_2/conv_1")).toMatchObject({ output: [8, 4, 4], parameters: 8 * 4 * 9, multiplyAdds: 16 * 8 * 4 * 9 });
  expect(row("residual_2/batchNorm_1").parameters).toBe(16);
  expect(row("residual_2")).toMatchObject({ parameters: 32, multiplyAdds: 16 * 32 });
  expect(row("residual_1")).toMatchObject({ parameters: 0, multiplyAdds: 0 });
});

test("a recurrent layer's multiply-adds count every time step", () => {
  const network = architectures.gru.build({ inputShape: [5, 3], outputs: 2 }, { layers: [4] });
  const [gru] = describeNetwork(network, [5, 3]).layers;
  expect(gru).toMatchObject({ name: "gru_1", parameters: 12 * 3 + 12 * 4 + 24, multiplyAdds: 5 * (12 * 3 + 12 * 4) });
});
