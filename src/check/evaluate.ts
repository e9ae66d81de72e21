/** A subject made runnable: its loss, gradient and decisions at parameters that may be moved and put back. */
import { compile } from "../exec/executor.ts";
import { reference } from "../exec/reference.ts";
import type { Executor, Session, Tensors } from "../exec/session.ts";
import { graph, type Graph, type Value } from "../ir/graph.ts";
import { tensor, type Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { decisionsOf } from "./decisions.ts";
import type { Subject } from "./subject.ts";

export interface Compiled {
  readonly session: Session;
  readonly executor: string;
}

/** ONNX Runtime where it has every kernel in float64, else the reference interpreter; or the executor that is given. */
export async function compileWide(wanted: Graph, executor: Executor | undefined, threads?: number): Promise<Compiled> {
  const options = threads === undefined ? {} : { threads };
  if (executor) return { session: await executor.compile(wanted, options), executor: executor.name };
  try {
    return { session: await compile(wanted, options), executor: "ONNX Runtime, float64" };
  } catch (error) {
    if (!(error instanceof GradusError)) throw error;
    return { session: await reference.compile(wanted), executor: "reference interpreter, float64" };
  }
}

/** What a graph decided at a point, one array per decision. */
export type Signature = readonly Tensor[];

export interface Evaluator {
  /** A tensor per parameter: moved in place, and put back by whoever moves it. */
  readonly parameters: readonly Float64Array[];
  readonly executor: string;
  loss(): Promise<number>;
  lossAndGradients(): Promise<{ readonly loss: number; readonly gradients: readonly Float64Array[] }>;
  lossAndDecisions(): Promise<{ readonly loss: number; readonly signature: Signature }>;
  /** Other values of the same graph at the same point. */
  values(wanted: readonly Value[]): Promise<readonly Tensor[]>;
  dispose(): Promise<void>;
}

/** Sessions are compiled when they are first needed. */
export async function createEvaluator(subject: Subject, executor?: Executor): Promise<Evaluator> {
  const { loss, parameters, gradients, inputs } = subject;
  const open: Session[] = [];
  const make = async (outputs: Readonly<Record<string, Value>>) => {
    const wanted = graph({ outputs });
    const compiled = await compileWide(wanted, executor, 1);
    open.push(compiled.session);
    const feeds: Tensors = Object.fromEntries(wanted.inputs.map(({ name }) => [name!, inputs[name!]!]));
    return { ...compiled, run: () => compiled.session.run(feeds) };
  };
  const named = (values: readonly Value[], prefix: string) => Object.fromEntries(values.map((value, i) => [`${prefix}${i}`, value]));
  const lazily = <T>(start: () => Promise<T>) => {
    let started: Promise<T> | undefined;
    return () => (started ??= start());
  };
  const decisions = decisionsOf([loss, ...gradients], parameters);
  const whole = await make({ loss, ...named(gradients, "g") });
  const lossOnly = lazily(() => make({ loss }));
  const deciding = lazily(() => make({ loss, ...named(decisions, "d") }));
  const number = (found: Tensors) => (found["loss"]!.data as Float64Array)[0]!;
  return {
    parameters: parameters.map(({ name }) => inputs[name!]!.data as Float64Array),
    executor: whole.executor,
    loss: async () => number(await (await lossOnly()).run()),
    async lossAndGradients() {
      const found = await whole.run();
      return { loss: number(found), gradients: gradients.map((_, i) => (found[`g${i}`]!.data as Float64Array).slice()) };
    },
    async lossAndDecisions() {
      const found = await (await deciding()).run();
      return { loss: number(found), signature: decisions.map((_, i) => found[`d${i}`]!) };
    },
    async values(wanted) {
      const { run, session } = await make(named(wanted, "v"));
      const found = await run();
      open.splice(open.indexOf(session), 1);
      await session.dispose();
      return wanted.map((_, i) => found[`v${i}`]!);
    },
    async dispose() {
      for (const session of open) await session.dispose();
    },
  };
}

/** Whether two points lie on the same smooth piece. */
export function sameDecisions(a: Signature, b: Signature): boolean {
  return a.every(({ data }, i) => {
    const other = b[i]!.data as Float64Array;
    for (let k = 0; k < data.length; k++) if (data[k] !== other[k]) return false;
    return true;
  });
}

export const scalarTensor = (value: number): Tensor => tensor("float64", value);
