/** The copy-avoiding trick: training is the same with it, without it, and on a runtime that no longer plays along. */
import ort from "onnxruntime-node";
import { describe as group, expect, test } from "vitest";
import { gradient } from "../../src/autodiff/gradient.ts";
import { guardWorks } from "../../src/exec/guard-output.ts";
import { nodePackage, onnxruntimeNode } from "../../src/exec/onnxruntime-node.ts";
import { onnxruntimeExecutor, type Runtime } from "../../src/exec/onnxruntime.ts";
import type { CompileOptions, Executor } from "../../src/exec/session.ts";
import { constant, graph, input } from "../../src/ir/graph.ts";
import { tensor } from "../../src/ir/tensor.ts";
import { ops } from "../../src/ops/build.ts";
import { rng } from "../../src/util/rng.ts";

/** A step of descent on a matrix of 160 kB, large enough for the guard. */
function step() {
  const x = input("x", "float32", ["batch", 200]);
  const w = input("w", "float32", [200, 200]);
  const error = ops.Sub(ops.Tanh(ops.MatMul(x, w)), x);
  const loss = ops.ReduceMean(ops.Mul(error, error), { keepdims: 0 });
  const [dw] = gradient(loss, [w]);
  return graph({ outputs: { loss, next: ops.Sub(w, ops.Mul(dw!, 20)) }, inputs: [x, w] });
}

/** Losses of 20 steps; the weights go to and fro between two buffers. */
async function train(executor: Executor, options: CompileOptions = {}): Promise<number[]> {
  const session = await executor.compile(step(), { threads: 1, ...options });
  const random = rng(1, "guard");
  const numbers = (count: number) => Float32Array.from({ length: count }, () => 0.1 * random.normal());
  const x = tensor("float32", numbers(16 * 200), [16, 200]);
  let w = tensor("float32", numbers(200 * 200), [200, 200]);
  let next = tensor("float32", new Float32Array(200 * 200), [200, 200]);
  const loss = tensor("float32", new Float32Array(1), []);
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) {
    const results = await session.run({ x, w }, { loss, next });
    expect(results["next"]).toBe(next);
    losses.push(loss.data[0] as number);
    [w, next] = [next, w];
  }
  await session.dispose();
  return losses;
}

const guard = "gradus guard";
type Run = (feeds: object, fetches: Record<string, unknown>) => Promise<object>;

/** onnxruntime-node, its runs with a guard replaced. */
function changed(guarded: (run: Run, feeds: object, fetches: Record<string, unknown>) => Promise<object>): {
  executor: Executor;
  runtime: Runtime;
  guardedRuns: () => number;
} {
  let guardedRuns = 0;
  const create = async (bytes: Uint8Array, options: object) => {
    const session = await ort.InferenceSession.create(bytes, options);
    const run = session.run.bind(session) as unknown as Run;
    return {
      release: () => session.release(),
      run: async (feeds: object, { [guard]: found, ...fetches }: Record<string, unknown>) => {
        if (found === undefined) return run(feeds, fetches);
        guardedRuns++;
        return guarded(run, feeds, fetches);
      },
    };
  };
  const listSupportedBackends = () => [{ name: "cpu" }];
  const runtime = { Tensor: ort.Tensor, InferenceSession: { create }, listSupportedBackends } as unknown as Runtime;
  return { executor: onnxruntimeExecutor({ ...nodePackage, load: async () => runtime }), runtime, guardedRuns: () => guardedRuns };
}

group("guard output", () => {
  test("the runtime throws as it did, with the outputs filled", async () => {
    expect(await guardWorks(ort as unknown as Runtime)).toBe(true);
  });

  test("losses are the same with and without it", async () => {
    const losses = await train(onnxruntimeNode);
    expect(losses[19]).toBeLessThan(0.9 * losses[0]!);
    expect(await train(onnxruntimeNode, { copyAvoidance: "off" })).toEqual(losses);
  });

  const runtimes: Record<string, Parameters<typeof changed>[0]> = {
    "no longer throws": (run, feeds, fetches) => run(feeds, fetches),
    "throws something else": async (run, feeds, fetches) => {
      await run(feeds, fetches);
      throw new Error("Sequences are not supported.");
    },
    "throws before it computes": async () => {
      throw new Error("Non tensor type is temporarily not supported.");
    },
  };
  for (const [what, guarded] of Object.entries(runtimes)) {
    test(`losses are the same on a runtime that ${what}, which is asked once and no more`, async () => {
      const { executor, runtime, guardedRuns } = changed(guarded);
      expect(await train(executor)).toEqual(await train(onnxruntimeNode));
      expect(await guardWorks(runtime)).toBe(false);
      expect(guardedRuns()).toBe(1);
    });
  }

  test("it is used on a runtime that throws as expected, for large outputs that are all given", async () => {
    const { executor, guardedRuns } = changed(async (run, feeds, fetches) => {
      await run(feeds, fetches);
      throw new Error("Non tensor type is temporarily not supported.");
    });
    expect(await train(executor)).toEqual(await train(onnxruntimeNode));
    expect(guardedRuns()).toBe(21);
  });

  test("it takes a name that the model has not, and comes first whatever the outputs are called", async () => {
    const fetched: string[][] = [];
    const create = async (bytes: Uint8Array, options: object) => {
      const session = await ort.InferenceSession.create(bytes, options);
      const run = (feeds: object, fetches: object) => {
        fetched.push(Object.keys(fetches));
        return (session.run.bind(session) as unknown as Run)(feeds, fetches as Record<string, unknown>);
      };
      return { release: () => session.release(), run };
    };
    const runtime = { Tensor: ort.Tensor, InferenceSession: { create }, listSupportedBackends: () => [{ name: "cpu" }] };
    const executor = onnxruntimeExecutor({ ...nodePackage, load: async () => runtime as unknown as Runtime });
    const rows = input(guard, "float32", [30_000]);
    const outputs = [
      { name: `${guard}_`, value: ops.Neg(rows) },
      { name: "7", value: ops.Exp(rows) },
    ];
    const session = await executor.compile(graph({ outputs }), { threads: 1 });
    const into = Object.fromEntries(outputs.map(({ name }) => [name, tensor("float32", new Float32Array(30_000))]));
    await session.run({ [guard]: tensor("float32", new Float32Array(30_000).fill(1)) }, into);
    expect(fetched.at(-1)).toEqual([`${guard}__`, `${guard}_`, "7_out"]);
    expect((into[`${guard}_`]!.data as Float32Array)[0]).toBe(-1);
    expect((into["7"]!.data as Float32Array)[29_999]).toBeCloseTo(Math.E, 5);
    await session.dispose();
  });

  test("a failure of the graph is not taken for the guard's", async () => {
    const at = input("at", "int64", [1]);
    const rows = constant(tensor("float32", new Float32Array(50_000), [2, 25_000]));
    const session = await onnxruntimeNode.compile(graph({ outputs: { y: ops.Gather(rows, at) } }), { threads: 1 });
    const y = tensor("float32", new Float32Array(25_000), [1, 25_000]);
    await expect(session.run({ at: tensor("int64", [7]) }, { y })).rejects.toThrow(/the graph could not be run: .*Gather/s);
    expect((await session.run({ at: tensor("int64", [1]) }, { y }))["y"]).toBe(y);
    await session.dispose();
  });
});
