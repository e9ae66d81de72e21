/** How threads share the work on batches: pieces of a slot are claimed, done and counted in shared memory. */
import { runSlot, slotOf, type AugmentationPlan } from "./augment-batches.ts";
import { createAugmenter } from "./augment-example.ts";

/** What a worker is given. */
export interface Crew {
  readonly plan: AugmentationPlan;
  readonly memory: readonly (readonly SharedArrayBuffer[])[];
  readonly state: SharedArrayBuffer;
}

/** Where what is kept: counters in an Int32Array. */
export const control = {
  bytes: (slots: number) => 4 * (1 + 2 * slots),
  /** Grows with every batch that is posted; workers wait for it to change. */
  posted: 0,
  /**
   * The slot's turn (in units of `turn`) and the piece to be claimed next, so that a claim of an earlier turn cannot succeed in a
   * later one; `closed` in place of the piece while the slot is written.
   */
  next: (slot: number) => 1 + 2 * slot,
  /** Pieces done. */
  done: (slot: number) => 2 + 2 * slot,
  turn: 256,
  closed: 255,
  turnOf: (value: number) => value & ~255,
} as const;

const mostPieces = 16;

/** Into how many pieces a batch is cut. */
export const pieces = (size: number): number => Math.min(size, mostPieces);

export const pieceOf = (piece: number, size: number): readonly [from: number, to: number] => {
  const count = pieces(size);
  return [Math.floor((piece * size) / count), Math.floor(((piece + 1) * size) / count)];
};

export interface Claim {
  readonly piece: number;
  readonly size: number;
}

/** A piece of the slot that nobody has claimed; undefined where none is left. */
export function claim(state: Int32Array, slot: number, head: Int32Array): Claim | undefined {
  const at = control.next(slot);
  for (;;) {
    const seen = Atomics.load(state, at);
    const size = head[1]!;
    const piece = seen - control.turnOf(seen);
    if (piece >= pieces(size)) return undefined;
    if (Atomics.compareExchange(state, at, seen, seen + 1) === seen) return { piece, size };
  }
}

/** The loop of a worker: it ends with its thread. */
export function work({ plan, memory, state: shared }: Crew): never {
  const state = new Int32Array(shared);
  const augmenter = createAugmenter(plan.specs, plan.example);
  const slots = memory.map(slotOf);
  for (;;) {
    const posted = Atomics.load(state, control.posted);
    slots.forEach((slot, at) => {
      for (;;) {
        const claimed = claim(state, at, slot.head);
        if (!claimed) break;
        const [from, to] = pieceOf(claimed.piece, claimed.size);
        runSlot(slot, augmenter, plan, from, to);
        Atomics.add(state, control.done(at), 1);
        Atomics.notify(state, control.done(at));
      }
    });
    Atomics.wait(state, control.posted, posted);
  }
}
