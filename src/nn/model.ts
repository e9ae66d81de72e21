/** A trained model: preprocessing, network, loss and parameters as plain data; its graph from raw columns to predictions. */
import { preprocessingGraph, type PreprocessPlan } from "../data/preprocess.ts";
import { outputsOf, restoreAmount } from "../data/target-plan.ts";
import { constant, graph, type Graph, type Value } from "../ir/graph.ts";
import { tensor } from "../ir/tensor.ts";
import { ops } from "../ops/build.ts";
import { GradusError } from "../util/errors.ts";
import { activationByName } from "./activation.ts";
import type { Initializer } from "./initializer.ts";
import { initializerName } from "./initializers/index.ts";
import type { Loss } from "./loss.ts";
import { lossOf, type LossChoice, type LossName } from "./losses/index.ts";
import type { Layer } from "./layer.ts";
import { buildNetwork, type Network } from "./network.ts";
import { withDefinitions, type OwnLayerKind } from "./own-layer.ts";
import { layoutParameters, parameterViews, type ParameterLayout } from "./parameters.ts";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";

export interface Model {
  readonly network: Network;
  readonly loss: LossChoice;
  readonly plan: PreprocessPlan;
  /** All parameters, laid out as `layoutParameters` says. */
  readonly theta: Float32Array;
  /** Of two classes: the second is answered from this probability on, as float32; above ½ where left out. */
  readonly threshold?: number;
}

/** What `model.json` holds: the model without its numbers, a loss of your own by its name. */
export type ModelDescription = Omit<Model, "theta" | "loss"> & { readonly format: 1; readonly loss: string };

export function modelLayout({ network, plan }: Pick<Model, "network" | "plan">): ParameterLayout {
  return layoutParameters(network, [plan.features.length]);
}

/**
 * The graph of `model.onnx`. One input per raw column, named as the column: numbers (NaN is missing) or strings ("" is missing), [batch, 1],
 * of sequences [batch, time]. Outputs: for classes `probabilities` float32 [batch, classes] in the order of `plan.target.classes` and
 * `prediction` string [batch], the likeliest, or what the threshold says; for amounts `prediction` float32 [batch, 1], of a forecast of several
 * steps [batch, steps].
 */
export function modelGraph({ network, loss, plan, theta, threshold }: Model): Graph {
  const { inputs, features, lengths } = preprocessingGraph(plan);
  const views = parameterViews(modelLayout({ network, plan }), theta);
  const built = buildNetwork(network, features, ({ name }) => constant(views[name]!, name), lengths ? { lengths } : {});
  const output = activationByName(lossOf(loss).prediction).apply(built.output);
  if (plan.target.kind === "amount")
    return graph({ inputs, outputs: { prediction: ops.Identity(restoreAmount(output, plan.target, inputs)) } });
  const { classes } = plan.target;
  const probabilities = outputsOf(plan.target) === 1 ? ops.Concat(ops.Sub(1, output), output, { axis: 1 }) : output;
  return graph({ inputs, outputs: { prediction: answer(probabilities, classes, threshold), probabilities: ops.Identity(probabilities) } });
}

function answer(probabilities: Value, classes: readonly string[], threshold: number | undefined): Value {
  const index = threshold === undefined ? ops.ArgMax(probabilities, { axis: 1, keepdims: 0 }) : isSecond(probabilities, threshold);
  const keys = classes.map((_, i) => i);
  return ops.LabelEncoder(index, { keys_int64s: keys, values_strings: classes, default_string: "" });
}

/** int64 [batch]: 1 where the second class's probability is at least the threshold. */
function isSecond(probabilities: Value, threshold: number): Value {
  const second = ops.Gather(probabilities, constant(tensor("int64", 1n)), { axis: 1 });
  return ops.Cast(ops.GreaterOrEqual(second, constant(tensor("float32", threshold))), { to: "int64" });
}

/** `model.json` and `model.safetensors`. */
export function saveModel(model: Model): { description: ModelDescription; weights: Uint8Array } {
  const { theta, loss, ...rest } = model;
  return {
    description: { format: 1, ...rest, loss: lossOf(loss).name, network: { layers: model.network.layers.map(withNamedInitializer) } },
    weights: writeSafetensors(parameterViews(modelLayout(model), theta), { format: "gradus" }),
  };
}

interface Filled {
  readonly initializer: string | Initializer;
}

/** A layer as plain data: a function that filled its weights is no part of the trained model, its name is. */
function withNamedInitializer<L extends Layer>(layer: L): L {
  const { initializer, parameters, layers } = layer as Partial<Filled> & {
    readonly parameters?: readonly Filled[];
    readonly layers?: readonly Layer[];
  };
  const named = (filled: Filled) => ({ ...filled, initializer: initializerName(filled.initializer) });
  return {
    ...layer,
    ...(initializer === undefined ? {} : named({ initializer })),
    ...(parameters ? { parameters: parameters.map(named) } : {}),
    ...(layers ? { layers: layers.map(withNamedInitializer) } : {}),
  };
}

export interface LoadModelOptions {
  /** Layers of your own that the model has, as `defineLayer` gave them: their data is saved, what they do is not. */
  readonly layers?: readonly Pick<OwnLayerKind<never>, "definition">[];
  /** A loss of your own that it was trained by. */
  readonly losses?: readonly Loss[];
}

/**
 * The model back from its two files.
 * @throws GradusError where they do not belong together, naming the tensor, or a layer or the loss is not known
 */
export function loadModel(description: ModelDescription, weights: Uint8Array, { layers = [], losses = [] }: LoadModelOptions = {}): Model {
  const { format, ...saved } = description;
  const loss = losses.find(({ name }) => name === saved.loss) ?? (saved.loss as LossName);
  lossOf(loss);
  const rest = { ...saved, loss, network: { layers: withDefinitions(saved.network.layers, layers) } };
  if (format !== 1) throw new GradusError(`the model is of format ${String(format)}; this version reads format 1`);
  const { tensors } = readSafetensors(weights);
  const layout = modelLayout(rest);
  const theta = new Float32Array(layout.size);
  for (const { name, shape, offset } of layout.slots) {
    const found = tensors[name];
    if (!found || found.dtype !== "float32" || String(found.shape) !== String(shape)) {
      const what = found ? `${found.dtype}[${found.shape.join(", ")}]` : "missing";
      throw new GradusError(`weights "${name}" must be float32[${shape.join(", ")}], found ${what}`, {
        hint: "model.json and model.safetensors belong to one run",
      });
    }
    theta.set(found.data as Float32Array, offset);
  }
  return { ...rest, theta };
}
