/** Ready architectures, by name. */
import { GradusError } from "../../util/errors.ts";
import type { Architecture } from "../architecture.ts";
import { lenet, resnet } from "./convolutional.ts";
import { logistic, multilayer } from "./dense.ts";
import { gruNetwork, lstmNetwork, rnnNetwork, transformer } from "./sequential.ts";

export const architectures = {
  logistic,
  mlp: multilayer,
  cnn: lenet,
  resnet,
  rnn: rnnNetwork,
  lstm: lstmNetwork,
  gru: gruNetwork,
  transformer,
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

/** @throws GradusError for a name that is not an architecture */
export function architectureByName(name: string): Architecture {
  const found = Object.hasOwn(architectures, name) ? architectures[name as ArchitectureName] : undefined;
  if (!found) throw new GradusError(`no architecture "${name}"`, { hint: `one of ${Object.keys(architectures).join(", ")}` });
  return found;
}
