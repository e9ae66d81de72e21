/** The contract of executors, on each of them. */
import { describe as group, expect, test } from "vitest";
import { onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { onnxruntimeWeb } from "../../src/exec/onnxruntime-web.ts";
import { reference } from "../../src/exec/reference.ts";
import type { Executor, Session, Tensors } from "../../src/exec/session.ts";
import { graph, input, type Graph } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { aliases, denseStep, runningSum } from "../onnx/graphs.ts";
import { largestError } from "../conformance/differences.ts";
import { rng } from "../../src/util/rng.ts";

const executors: readonly Executor[] = [reference, onnxruntimeNode, onnxruntimeWeb];

async function using<T>(executor: Executor, made: Graph, body: (session: Session) => Promise<T>): Promise<T> {
  const session = await executor.compile(made, { threads: 1 });
  try {
    return await body(session);
  } finally {
    await session.dispose();
  }
}

function normal(shape: readonly number[], stream: string) {
  const random = rng(1, stream);
  return tensor(
    "float32",
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
    shape,
  );
}

const stepFeeds = (batch: number): Tensors => ({
  x: normal([batch, 3], "x"),
  target: normal([batch, 2], "target"),
  w: normal([3, 4], "w"),
  b: normal([4], "b"),
  v: normal([4, 2], "v"),
});

for (const executor of executors) {
  group(executor.name, () => {
    test("runs a step for any size of the batch, as the reference does", async () => {
      await using(executor, denseStep(), async (session) => {
        for (const batch of [1, 7, 7, 2]) {
          const results = await session.run(stepFeeds(batch));
          const expected = await using(reference, denseStep(), (other) => other.run(stepFeeds(batch)));
          for (const [name, { data, shape }] of Object.entries(expected)) {
            expect(results[name]!.shape).toEqual(shape);
            expect(
              largestError(Float64Array.from(results[name]!.data as Float32Array), Float64Array.from(data as Float32Array)),
            ).toBeLessThan(1e-5);
          }
        }
      });
    });

    test("takes names that objects treat in their own way", async () => {
      const x = input("__proto__", "float32", [2]);
      const y = input("7", "float32", [2]);
      const made = graph({
        inputs: [y, x],
        outputs: [
          { name: "10", value: ops.Softplus(ops.Add(x, y)) },
          { name: "__proto__", value: ops.Sub(x, y) },
          { name: "9", value: ops.Mul(x, y) },
        ],
      });
      const feeds = Object.fromEntries([
        ["__proto__", tensor("float32", [3, 4])],
        ["7", tensor("float32", [1, 2])],
      ]);
      await using(executor, made, async (session) => {
        const into = Object.fromEntries([["__proto__", tensor("float32", [0, 0])]]);
        const results = await session.run(feeds, into);
        const read = (name: string) => [...(Object.getOwnPropertyDescriptor(results, name)!.value.data as Float32Array)];
        expect(read("__proto__")).toEqual([2, 2]);
        expect([...(Object.getOwnPropertyDescriptor(into, "__proto__")!.value.data as Float32Array)]).toEqual([2, 2]);
        expect(read("9")).toEqual([3, 8]);
        expect(read("10")[0]).toBeCloseTo(Math.log1p(Math.exp(4)), 5);
      });
    });

    test("fills the tensors it is given, and returns them", async () => {
      await using(executor, denseStep(), async (session) => {
        const feeds = stepFeeds(4);
        const dw = tensor("float32", new Float32Array(12), [3, 4]);
        const loss = tensor("float32", new Float32Array(1), []);
        const some = await session.run(feeds, { dw });
        expect(some["dw"]).toBe(dw);
        expect(dw.data).not.toEqual(new Float32Array(12));
        const all = { dw, loss, db: tensor("float32", new Float32Array(4)), dv: tensor("float32", new Float32Array(8), [4, 2]) };
        const before = Float32Array.from(dw.data as Float32Array);
        (dw.data as Float32Array).fill(0);
        const results = await session.run(feeds, all);
        for (const [name, target] of Object.entries(all)) expect(results[name]).toBe(target);
        expect(dw.data).toEqual(before);
        expect(loss.data).toEqual(some["loss"]!.data);
      });
    });

    test("sees what a tensor holds when it runs, not what it held before", async () => {
      const x = input("x", "float32", [2]);
      await using(executor, graph({ outputs: { y: ops.Neg(x) } }), async (session) => {
        const fed = tensor("float32", [1, 2]);
        expect([...(await session.run({ x: fed }))["y"]!.data]).toEqual([-1, -2]);
        (fed.data as Float32Array).set([5, 6]);
        expect([...(await session.run({ x: fed }))["y"]!.data]).toEqual([-5, -6]);
      });
    });

    test("keeps runs that overlap apart", async () => {
      const x = input("x", "float32", []);
      await using(executor, graph({ outputs: { y: ops.Neg(x) } }), async (session) => {
        const results = await Promise.all([1, 2, 3].map((value) => session.run({ x: tensor("float32", value) })));
        expect(results.map(({ y }) => y!.data[0])).toEqual([-1, -2, -3]);
      });
    });

    test("returns inputs, constants and second names as outputs, also under an input's name", async () => {
      await using(executor, aliases(), async (session) => {
        const results = await session.run({ x: tensor("float32", [1, 2]) });
        expect(Object.keys(results)).toEqual(["same", "table", "y", "again", "Neg"]);
        expect([...results["same"]!.data]).toEqual([1, 2]);
        expect([...results["again"]!.data]).toEqual([-2, -3]);
      });
      const x = input("x", "float32", []);
      await using(executor, graph({ outputs: { x: ops.Neg(x), x_out: ops.Neg(ops.Neg(x)) } }), async (session) => {
        const results = await session.run({ x: tensor("float32", 3) });
        expect([results["x"]!.data[0], results["x_out"]!.data[0]]).toEqual([-3, 3]);
      });
    });

    test("runs a loop whose body reads outer values", async () => {
      await using(executor, runningSum(), async (session) => {
        const results = await session.run({
          xs: tensor("float32", [
            [1, 2],
            [3, 4],
          ]),
          start: tensor("float32", [1, 1]),
        });
        // start + xs · 2 start · rate, and the state before each step
        expect([...results["last"]!.data]).toEqual([5, 25]);
        expect([...results["trace"]!.data]).toEqual([2, 9, 5, 25]);
        expect([...results["before"]!.data]).toEqual([1, 1, 2, 9]);
      });
    });

    test("takes and gives every dtype it should", async () => {
      const dtypes = ["float32", "float64", "int32", "int64", "uint8", "bool", "string"] as const;
      const inputs = dtypes.map((dtype) => input(`x_${dtype}`, dtype, ["n"]));
      const outputs = Object.fromEntries(inputs.map((value) => [`y_${value.dtype}`, ops.Concat(value, value, { axis: 0 })]));
      await using(executor, graph({ outputs, inputs }), async (session) => {
        const feeds = Object.fromEntries(dtypes.map((dtype) => [`x_${dtype}`, tensor(dtype, dtype === "string" ? ["a", "é"] : [1, 0])]));
        const results = await session.run(feeds);
        for (const dtype of dtypes) {
          const { data } = feeds[`x_${dtype}`]!;
          expect(results[`y_${dtype}`]).toMatchObject({ dtype, shape: [4] });
          expect(results[`y_${dtype}`]!.data.constructor).toBe(data.constructor);
          expect([...results[`y_${dtype}`]!.data]).toEqual([...data, ...data]);
        }
        const into = { y_string: tensor("string", ["", "", "", ""]) };
        expect((await session.run(feeds, into))["y_string"]).toBe(into.y_string);
        expect(into.y_string.data).toEqual(["a", "é", "a", "é"]);
      });
    });

    test("refuses what does not fit, in our words", async () => {
      const x = input("x", "float32", ["batch", 3]);
      const mask = input("mask", "float32", ["batch", 1]);
      await using(executor, graph({ outputs: { y: ops.Mul(x, mask) }, inputs: [x, mask] }), async (session) => {
        const fed = { x: normal([2, 3], "x"), mask: normal([2, 1], "mask") };
        const refused: readonly [Tensors, Tensors, string][] = [
          [{ x: fed.x }, {}, 'input "mask" is missing; the graph takes x, mask'],
          [{ ...fed, z: fed.x }, {}, 'the graph has no input "z"'],
          [{ ...fed, x: tensor("float64", new Float64Array(6), [2, 3]) }, {}, 'input "x" must be float32[batch, 3], got float64[2, 3]'],
          [{ ...fed, x: normal([6], "x") }, {}, 'input "x" must be float32[batch, 3], got float32[6]'],
          [{ ...fed, mask: normal([3, 1], "mask") }, {}, 'input "mask" must be float32[batch, 1] with batch = 2, got float32[3, 1]'],
          [fed, { z: fed.x }, 'the graph has no output "z"'],
          [fed, { y: normal([3, 3], "y") }, 'the tensor given for output "y" must be float32[batch, 3] with batch = 2, got float32[3, 3]'],
        ];
        for (const [feeds, into, message] of refused) {
          await expect(session.run(feeds, into)).rejects.toThrow(message);
          await expect(session.run(feeds, into)).rejects.toMatchObject({ name: "GradusError" });
        }
        expect((await session.run(fed))["y"]!.shape).toEqual([2, 3]);
      });
    });

    test("an input that nothing reads is required all the same", async () => {
      const x = input("x", "float32", []);
      const unused = input("unused", "float32", []);
      await using(executor, graph({ outputs: { y: ops.Neg(x) }, inputs: [x, unused] }), async (session) => {
        await expect(session.run({ x: tensor("float32", 1) })).rejects.toThrow('input "unused" is missing');
        await session.run({ x: tensor("float32", 1), unused: tensor("float32", 1) });
      });
    });

    test("says which devices there are, and how much memory the process has held", async () => {
      const made = graph({ outputs: { y: ops.Neg(input("x", "float32", [])) } });
      await expect(executor.compile(made, { device: "webgpu" })).rejects.toMatchObject({ name: "GradusError" });
      if (executor !== onnxruntimeNode) await expect(executor.compile(made, { device: "cuda" })).rejects.toThrow(/"cuda".* only cpu/);
      await using(executor, made, async (session) => expect(session.peakMemory()).toBeGreaterThan(10e6));
    });
  });
}
