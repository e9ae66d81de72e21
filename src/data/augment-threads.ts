/** Augmented batches made by worker threads while the network computes, and helped with when the network has to wait. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { createAugmenter } from "./augment-example.ts";
import {
  createCollector,
  fillSlot,
  inlineBatches,
  runSlot,
  slotBytes,
  slotOf,
  withLengths,
  type AugmentationPlan,
  type BatchSource,
  type Examples,
} from "./augment-batches.ts";
import { claim, control, pieceOf, pieces, type Crew } from "./augment-crew.ts";

/** Batches under way at once. */
const slotCount = 2;
/** A worker that says nothing for so long is done without: its piece is made again. */
const patienceMilliseconds = 5000;

/**
 * Threads are worth their trouble where batches made in line take more than this share of the time. With two cores the network needs
 * both: a third thread keeps its threads waiting, and costs more than it makes.
 */
const worthwhile = (): number => (availableParallelism() > 2 ? 0.05 : 0.5);
/** Batches between two looks at the clock; the first ones run cold. */
const batchesPerLook = 8;

/**
 * Augmented batches; equal to the bit whatever the number of workers.
 * @param workers threads besides this one; 0 makes every batch when it is asked for. Where left out, as many as cores but one (at
 *   least one) as soon as making batches in line takes more than a twentieth of the time, or half of it where there are two cores
 * @throws GradusError where the augmentations do not fit the examples
 */
export function augmentedBatches(plan: AugmentationPlan, given: Examples, workers?: number): BatchSource {
  const inline = inlineBatches(plan, given);
  const threaded = (count: number) => threadedBatches(plan, withLengths(given, plan), count, inline);
  if (workers === undefined) return adaptiveBatches(plan, inline, () => threaded(Math.max(1, availableParallelism() - 1)));
  return workers === 0 ? inline : threaded(workers);
}

/** In line, and from threads as soon as that is worth it. */
function adaptiveBatches({ batch }: AugmentationPlan, inline: BatchSource, start: () => BatchSource): BatchSource {
  let source = inline;
  let [now, at, made, elsewhere, count, last] = [0, 0, 0, 0, 0, 0];
  let order: Int32Array = new Int32Array(0);
  return {
    begin(epoch, rows) {
      [now, order, at, last] = [epoch, rows, 0, performance.now()];
      source.begin(epoch, rows);
    },
    next() {
      if (source !== inline) return source.next();
      const begun = performance.now();
      const result = inline.next();
      at += batch;
      elsewhere += begun - last;
      last = performance.now();
      made += last - begun;
      count += 1;
      if (count % batchesPerLook !== 0) return result;
      if (count > batchesPerLook && made > worthwhile() * (made + elsewhere)) {
        source = start();
        source.begin(now, order.subarray(at));
      }
      [made, elsewhere] = [0, 0];
      return result;
    },
    show: inline.show,
    dispose() {
      source.dispose();
    },
  };
}

function threadedBatches(plan: AugmentationPlan, data: Examples, workers: number, inline: BatchSource): BatchSource {
  const augmenter = createAugmenter(plan.specs, plan.example);
  const memory = Array.from({ length: slotCount }, () => slotBytes(plan, augmenter.mixes).map((bytes) => new SharedArrayBuffer(bytes)));
  const slots = memory.map(slotOf);
  const crew: Crew = { plan, memory, state: new SharedArrayBuffer(control.bytes(slotCount)) };
  const state = new Int32Array(crew.state);
  const threads = Array.from({ length: workers }, () => startWorker(crew));
  const collect = createCollector(plan, data, augmenter);
  let [now, posted, taken] = [0, 0, 0];
  let order: Int32Array = new Int32Array(0);
  const batches = () => Math.ceil(order.length / plan.batch);

  const post = () => {
    const at = posted % slotCount;
    const rows = order.subarray(posted * plan.batch, (posted + 1) * plan.batch);
    const turn = control.turnOf(Atomics.load(state, control.next(at))) + control.turn;
    Atomics.store(state, control.next(at), turn + control.closed);
    fillSlot(slots[at]!, augmenter, plan, data, now, rows);
    posted += 1;
    Atomics.store(state, control.done(at), 0);
    // Publishes the slot: whoever sees the new turn sees what was written before.
    Atomics.store(state, control.next(at), turn);
    Atomics.add(state, control.posted, 1);
    Atomics.notify(state, control.posted);
  };
  /** Helps until nothing is left to claim, then waits for the others. @returns false where one of them never ends */
  const finish = (at: number): boolean => {
    const slot = slots[at]!;
    for (let claimed = claim(state, at, slot.head); claimed; claimed = claim(state, at, slot.head)) {
      runSlot(slot, augmenter, plan, ...pieceOf(claimed.piece, claimed.size));
      Atomics.add(state, control.done(at), 1);
    }
    for (;;) {
      const done = Atomics.load(state, control.done(at));
      if (done >= pieces(slot.head[1]!)) return true;
      if (Atomics.wait(state, control.done(at), done, patienceMilliseconds) === "timed-out") return false;
    }
  };
  const dispose = () => {
    for (const thread of threads.splice(0)) void thread.terminate();
  };
  /** Once a worker is lost, its piece and all that follows are made here, in other memory. */
  let lost = false;
  return {
    begin(epoch, rows) {
      // What was posted of an epoch that ended early is finished first: its slots are in use.
      for (; taken < posted; taken++) lost ||= !finish(taken % slotCount);
      [now, order, posted, taken] = [epoch, rows, 0, 0];
      while (!lost && posted < Math.min(slotCount, batches())) post();
    },
    next() {
      const [at, from] = [taken % slotCount, taken * plan.batch];
      taken += 1;
      if (!lost && !finish(at)) lost = true;
      if (lost) {
        posted = taken;
        dispose();
        return inline.show(now, order.subarray(from, from + plan.batch));
      }
      const batch = collect(slots[at]!);
      if (posted < batches()) post();
      return batch;
    },
    show: inline.show,
    dispose,
  };
}

/** A thread that works on whatever the crew's slots hold, until it is terminated. */
export function startWorker(crew: Crew): Worker {
  const worker = startThread("augment-worker", crew);
  worker.unref();
  // Its pieces are then made by others.
  worker.on("error", () => {});
  return worker;
}

/** A thread that runs the module of that name beside this one; of TypeScript sources (tests, benchmarks), their JavaScript. */
function startThread(name: string, workerData: unknown): Worker {
  const { url } = import.meta;
  if (!url.endsWith(".ts")) return new Worker(new URL(`./${name}.js`, url), { workerData });
  const { buildSync } = createRequire(url)("esbuild") as typeof import("esbuild");
  const entry = fileURLToPath(new URL(`./${name}.ts`, url));
  const built = buildSync({ entryPoints: [entry], bundle: true, platform: "node", format: "cjs", write: false, logLevel: "silent" });
  return new Worker(built.outputFiles[0]!.text, { eval: true, workerData });
}
