/** A subject made runnable: its loss, gradient and decisions at parameters that may be moved and put back. */
import { compile } from "../exec/executor.ts";
import { reference } from "../exec/reference.ts";
import type { Executor, Session, Tensors } from "../exec/session.ts";
import { graph, type Graph, type Value } from "../ir/graph.ts";
import type { Tensor } from "../ir/tensor.ts";
import { GradusError } from "../util/errors.ts";
import { decisionsOf } from "./decisions.ts";
import { lowered, loweredOps } from "./lower.ts";
import type { Subject } from "./subject.ts";

export interface Compiled {
  readonly session: Session;
  /** What runs it, in words; known for sure after the first run. */
  executor(): string;
}

const fastest = "ONNX Runtime, float64";

/** ONNX Runtime where it has every kernel in float64, else the reference interpreter; or the executor that is given. */
export async function compileWide(wanted: Graph, executor: Executor | undefined, threads?: number): Promise<Compiled> {
  const options = threads === undefined ? {} : { threads };
  if (executor) return { session: await executor.compile(wanted, options), executor: () => executor.name };
  const plain = () => reference.compile(wanted);
  const native = await kernelOr(() => compile(wanted, options));
  if (!native) return { session: await plain(), executor: () => "reference interpreter, float64" };
  let session = native;
  return {
    executor: () => (session === native ? fastest : "reference interpreter, float64"),
    session: {
      ...native,
      async run(feeds, into) {
        if (session !== native) return session.run(feeds, into);
        // Some kernels refuse float64 only when they run.
        const found = await kernelOr(() => native.run(feeds, into));
        if (found) return found;
        session = await plain();
        return session.run(feeds, into);
      },
    },
  };
}

/** What the runtime gives, or undefined where it lacks a kernel. */
async function kernelOr<T>(f: () => Promise<T>): Promise<T | undefined> {
  try {
    return await f();
  } catch (error) {
    if (error instanceof GradusError) return undefined;
    throw error;
  }
}

/** What a graph decided at a point, one array per decision. */
export type Signature = readonly Tensor[];

export interface Evaluator {
  /** A tensor per parameter: moved in place, and put back by whoever moves it. */
  readonly parameters: readonly Float64Array[];
  /** What computed the gradient, and so far the differences, in words. */
  executor(): string;
  /** Whether losses, so far, had to be computed by the interpreter, which takes long. */
  isSlow(): boolean;
  /** Operators that the gradient was computed without, see `lower.ts`. */
  readonly replaced: readonly string[];
  loss(): Promise<number>;
  lossAndGradients(): Promise<{ readonly loss: number; readonly gradients: readonly Float64Array[] }>;
  lossAndDecisions(): Promise<{ readonly loss: number; readonly signature: Signature }>;
  /** Other values of the same graph at the same point. */
  values(wanted: readonly Value[]): Promise<readonly Tensor[]>;
  dispose(): Promise<void>;
}

/**
 * Sessions are compiled when they are first needed.
 * @param lower compute the gradient, too, by other operators where some lack a kernel: far quicker, but then it is no proof that a
 *   gradient is wrong
 */
export async function createEvaluator(
  subject: Subject,
  executor?: Executor,
  { lower = false }: { readonly lower?: boolean } = {},
): Promise<Evaluator> {
  const { loss, parameters, gradients, inputs } = subject;
  const replaced = lower && !executor ? loweredOps([loss, ...gradients]) : [];
  const open: Session[] = [];
  const used: Compiled[] = [];
  const make = async (outputs: Readonly<Record<string, Value>>) => {
    const wanted = graph({ outputs });
    const compiled = await compileWide(wanted, executor, 1);
    open.push(compiled.session);
    used.push(compiled);
    const feeds: Tensors = Object.fromEntries(wanted.inputs.map(({ name }) => [name!, inputs[name!]!]));
    return { ...compiled, run: () => compiled.session.run(feeds) };
  };
  /** The loss first; by other operators where some lack a kernel, as long as the loss is the same. */
  const makeLoss = async (outputs: Readonly<Record<string, Value>>) => {
    if (executor || (replaced.length === 0 && whole.executor() === fastest)) return make(outputs);
    const other = await make(withoutThem(outputs));
    if (replaced.length > 0) return other;
    const [a, b] = [number(await whole.run()), number(await other.run())];
    return Math.abs(a - b) <= 1e-13 * Math.max(1, Math.abs(a)) ? other : make(outputs);
  };
  const withoutThem = (outputs: Readonly<Record<string, Value>>) => {
    const values = lowered(Object.values(outputs));
    return Object.fromEntries(Object.keys(outputs).map((name, i) => [name, values[i]!]));
  };
  const named = (values: readonly Value[], prefix: string) => Object.fromEntries(values.map((value, i) => [`${prefix}${i}`, value]));
  const lazily = <T>(start: () => Promise<T>) => {
    let started: Promise<T> | undefined;
    return () => (started ??= start());
  };
  const number = (found: Tensors) => (found["loss"]!.data as Float64Array)[0]!;
  const withGradients = { loss, ...named(gradients, "g") };
  const whole = await make(replaced.length > 0 ? withoutThem(withGradients) : withGradients);
  const lossOnly = lazily(() => makeLoss({ loss }));
  let decisions: readonly Value[] = [];
  const deciding = lazily(() => {
    decisions = decisionsOf([loss, ...gradients], parameters);
    return makeLoss({ loss, ...named(decisions, "d") });
  });
  return {
    parameters: parameters.map(({ name }) => inputs[name!]!.data as Float64Array),
    executor: () => {
      const own = whole.executor();
      const others = new Set(used.map((compiled) => compiled.executor()).filter((name) => name !== own));
      const by = replaced.length > 0 ? [`${replaced.join(", ")} written with other operators`] : [];
      return [own, ...by, ...[...others].map((name) => `differences by ${name}`)].join("; ");
    },
    replaced,
    isSlow: () => !executor && used.slice(1).some((compiled) => compiled.executor() !== fastest),
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
