/** What a fit trains: a ready architecture, a model that another program made, or a network of one's own. */
import type { PreprocessPlan } from "../data/preprocess.ts";
import { outputsOf } from "../data/target-plan.ts";
import { input, type Graph } from "../ir/graph.ts";
import { sizeOf } from "../ir/shape.ts";
import type { ArchitectureOptions } from "../nn/architecture.ts";
import { architectureByName, type ArchitectureName } from "../nn/architectures/index.ts";
import type { EmbeddedInput } from "../nn/layers/category-embedding.ts";
import { reshape } from "../nn/layers/shape.ts";
import type { Loss } from "../nn/loss.ts";
import { lossByName } from "../nn/losses/index.ts";
import { buildNetwork, sequential, type Network } from "../nn/network.ts";
import { ownDefinition } from "../nn/own-layer.ts";
import { parameterInput } from "../nn/parameters.ts";
import { leavesAxesOpen, pretrainedNetwork, pretrainedShape, type PretrainedOptions } from "../nn/pretrained.ts";
import { numberName } from "../data/transforms/embedding.ts";
import { GradusError } from "../util/errors.ts";
import type { Experiment, ResolvedModel } from "./experiment.ts";

/** A ready architecture; inputs and outputs follow from the table. */
export interface ArchitectureSpec extends ArchitectureOptions {
  readonly kind: ArchitectureName;
  /** What the inputs of a row are together: an image [channels, height, width] or a sequence [time, features]. */
  readonly shape?: readonly number[] | undefined;
}

/** `mlp({ layers: [64, 32] })`; the output layer follows from the target. */
export function mlp(options: ArchitectureOptions = {}): ArchitectureSpec {
  return { kind: "mlp", ...options };
}

/** A model from an ONNX file; the new head follows from the target. */
export interface PretrainedSpec extends PretrainedOptions {
  readonly kind: "pretrained";
  readonly graph: Graph;
}

/**
 * A model that another program made, to be trained further.
 * @param options.shape of one example where the file leaves it open and the data do not say it, as images do; columns of images and sequences are standardised together
 * @example fit(pretrained(readModelFile("resnet18.onnx"), { freeze: ["all"] }), split(table));
 * @throws GradusError where the model has not one input of numbers
 */
export function pretrained({ graph }: { readonly graph: Graph }, options: PretrainedOptions = {}): PretrainedSpec {
  return { kind: "pretrained", graph, ...options, shape: rowShape(graph, options.shape) };
}

/** The given shape, or the file's where it has several axes: a row of numbers needs none, and axes that are open wait for the data's. */
function rowShape(graph: Graph, given: readonly number[] | undefined): readonly number[] | undefined {
  if (!given && leavesAxesOpen(graph)) return undefined;
  const shape = pretrainedShape(graph, given);
  return given ?? (shape.length > 1 ? shape : undefined);
}

export type ModelChoice = ArchitectureSpec | PretrainedSpec | Network;

/** Reads a model from its path: `readModelFile`. */
export type ModelReader = (path: string) => { readonly graph: Graph };

/**
 * The model file that an experiment begins with, if it does, and the experiment with the shape that follows from it.
 * @throws GradusError where the file is not to be trained
 */
export function withPretrained(
  experiment: Experiment,
  readModel: ModelReader | undefined,
): { readonly experiment: Experiment; readonly graph?: Graph } {
  const { from } = experiment.model;
  if (from === undefined) return { experiment };
  if (!readModel)
    throw new GradusError(`the experiment begins with ${from}, and nothing reads it`, { hint: "{ readModel: readModelFile }" });
  const { graph } = readModel(from);
  const { head, freeze, shape: given } = experiment.model;
  const shape = within(from, () => {
    const found = rowShape(graph, given);
    // What is wrong with the head or with what is frozen shows whatever the target is.
    if (found || !leavesAxesOpen(graph))
      pretrainedNetwork(graph, { head, freeze, shape: found, outputs: 1, loss: lossByName("meanSquared") });
    return found;
  });
  return { experiment: shape ? { ...experiment, model: { ...experiment.model, shape: [...shape] } } : experiment, graph };
}

/** What an experiment trains. @param graph of the file it begins with */
export function choiceOf(model: ResolvedModel, graph: Graph | undefined): ArchitectureSpec | PretrainedSpec {
  if (!("from" in model)) return model;
  const { from: _, ...options } = model;
  return { kind: "pretrained", graph: graph!, ...options };
}

/** What goes wrong with a file names it. */
function within<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof GradusError)) throw cause;
    throw new GradusError(`${path}: ${cause.message}`, { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) });
  }
}

/**
 * The network for the features and the target of a plan.
 * @throws GradusError where it does not fit them
 */
export function networkFor(model: ModelChoice, plan: PreprocessPlan, loss: Loss): Network {
  const { features, target, shape: planned, tokens } = plan;
  const outputs = outputsOf(target);
  const categories = embeddedInputs(plan);
  if (categories.length > 0) checkEmbedded(model, categories);
  if (!("kind" in model)) {
    checkUnits(model, features.length, target, `end it with dense(${outputs})`);
    return model;
  }
  if (model.kind !== "pretrained") {
    const { kind, shape: given, ...options } = model;
    const shape = agreedShape(given, planned);
    const special = { ...(tokens === undefined ? {} : { tokens }), ...(categories.length > 0 ? { categories } : {}) };
    return onRows(shape, features.length, (inputShape) => architectureByName(kind).build({ inputShape, outputs, ...special }, options));
  }
  const { graph, shape, ...options } = model;
  const network = onRows(pretrainedShape(graph, agreedShape(shape, planned)), features.length, (known) =>
    pretrainedNetwork(graph, { ...options, shape: known, outputs, loss }),
  );
  checkUnits(network, features.length, target, "--head 1 puts a new layer in place of the model's last");
  return network;
}

/** The inputs of a plan that are numbers of categories, as `categoryEmbedding` takes them. */
function embeddedInputs({ columns, features }: Pick<PreprocessPlan, "columns" | "features">): EmbeddedInput[] {
  return columns.flatMap((fitted) =>
    fitted.kind === "embedding"
      ? [
          {
            at: features.indexOf(numberName(fitted.column)),
            tokens: fitted.categories.length + 1,
            units: fitted.units,
            unknown: fitted.unknown ? ("learnt" as const) : ("zeros" as const),
          },
        ]
      : [],
  );
}

/** @throws GradusError where the model would take the numbers of categories for amounts */
function checkEmbedded(model: ModelChoice, categories: readonly EmbeddedInput[]): void {
  if ("kind" in model) {
    const rows = (model.kind === "mlp" || model.kind === "logistic") && !model.shape;
    if (rows) return;
    const what = model.kind === "pretrained" ? "an imported model" : `${model.kind}${model.shape ? " on examples of a shape" : ""}`;
    throw new GradusError(`encode: embedding gives categories as numbers to be looked up, and ${what} would take them for amounts.`, {
      hint: "leave it out, or train an mlp or a logistic regression on rows.",
    });
  }
  const [first] = model.layers;
  if (first && ownDefinition(first)) return;
  const read = first && "columns" in first ? first.columns : [];
  const missed = categories.find(({ at, tokens }) => !read.some((column) => column.at === at && column.tokens === tokens));
  if (!missed) return;
  const list = categories.map(
    ({ at, tokens, units, unknown }) => `{ at: ${at}, tokens: ${tokens}, units: ${units}, unknown: "${unknown}" }`,
  );
  throw new GradusError(
    `encode: embedding makes input ${missed.at} the number of one of ${missed.tokens} categories, and the network would take it for an amount.`,
    { hint: `begin it with categoryEmbedding([${list.join(", ")}]), or leave out encode: embedding.` },
  );
}

/**
 * The shape of an example: as given, else what the columns say they are together.
 * @throws GradusError where both say something else
 */
function agreedShape(given: readonly number[] | undefined, planned: readonly number[] | undefined): readonly number[] | undefined {
  if (!given || !planned || String(given) === String(planned)) return given ?? planned;
  const spoken = (shape: readonly number[]): string => shape.join("×");
  const image = planned.length === 3;
  throw new GradusError(`the model takes examples of shape ${spoken(given)}; the data's are ${spoken(planned)}.`, {
    hint:
      image && given.length === 3 && given[0] === planned[0]
        ? `leave out --shape, or have the images resized: --size ${given[1]}x${given[2]}`
        : "leave out --shape: the data say theirs themselves",
  });
}

/** @throws GradusError where the columns are not as many numbers as the shape takes */
function onRows(shape: readonly number[] | undefined, inputs: number, build: (inputShape: readonly number[]) => Network): Network {
  const size = shape ? sizeOf(shape) : inputs;
  if (size !== inputs) {
    throw new GradusError(`the shape ${shape!.join("×")} takes ${size} numbers a row, the columns give ${inputs}.`, {
      hint: "leave out what is no part of it with --drop",
    });
  }
  const network = build(shape ?? [inputs]);
  return shape && shape.length > 1 ? sequential([reshape(shape), ...network.layers]) : network;
}

/** @throws GradusError where a network's output is not [batch, units the target has] */
function checkUnits(network: Network, inputs: number, target: PreprocessPlan["target"], hint: string): void {
  const outputs = outputsOf(target);
  const { shape } = buildNetwork(network, input("x", "float32", ["batch", inputs]), parameterInput).output;
  const units = shape.slice(1);
  if (units.length === 1 && units[0] === outputs) return;
  const what = target.kind === "amount" ? "amounts" : `${target.classes.length} classes`;
  const found = units.length === 1 ? `${units[0]}` : `an output of shape [${shape.join(", ")}]`;
  throw new GradusError(
    `the network must end in ${outputs} unit${outputs === 1 ? "" : "s"} for target "${target.name}" (${what}), found ${found}.`,
    { hint: `${hint}${what === "2 classes" ? ": one unit, the second class's logit" : ""}` },
  );
}
