/** The mini-batch where none is given: a fixed function of the number of training rows and of the model, so that a run is the same anywhere. */
import { bytesOf } from "../ir/dtype.ts";
import type { ParameterLayout } from "../nn/parameters.ts";
import { evaluationGraph, type Problem } from "./step-graph.ts";

/** The mini-batch for m training rows: the power of two nearest to √m, from 16 to 512. */
export function defaultBatchSize(rows: number): number {
  return Math.min(512, Math.max(16, 2 ** Math.round(Math.log2(Math.sqrt(Math.max(1, rows))))));
}

/** What a step keeps of its examples at most, by {@link activationBytes}. */
const stepBytes = 2 ** 30;

/** That, halved until what the network makes of a batch takes no more than 1 GiB; 1 at least. */
export function batchSizeFor(rows: number, problem: Problem, layout: ParameterLayout): number {
  const most = Math.max(1, Math.floor(stepBytes / activationBytes(problem, layout)));
  return Math.min(defaultBatchSize(rows), 2 ** Math.floor(Math.log2(most)));
}

/** Bytes of all that the network computes from one example, which a step keeps for the way back. */
function activationBytes(problem: Problem, layout: ParameterLayout): number {
  return evaluationGraph(problem, layout)
    .nodes.flatMap(({ outputs }) => outputs)
    .filter(({ shape }) => shape.some((dim) => typeof dim === "string"))
    .reduce((sum, { shape, dtype }) => {
      const size = shape.reduce<number>((product, dim) => product * (typeof dim === "number" ? dim : factorOf(dim)), 1);
      return sum + size * bytesOf(dtype);
    }, 0);
}

/** 4 of `4*batch`, 1 of `batch`. */
const factorOf = (dim: string): number => Number(/^(\d+)\*/.exec(dim)?.[1] ?? 1);
