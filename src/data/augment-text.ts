/** Augmentations as a line of text: `flip,rotate=10,affine.scale=0.2,affine.shear=5`. */
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import type { Augmentation, AugmentationSpec } from "./augmentation.ts";
import { augmentationByKind, settingNames } from "./augment-example.ts";

/** What `kind=number` sets. */
const main = ({ settings }: Augmentation): string => Object.keys(settings)[0] ?? "probability";

/**
 * A kind, `kind=number` for its first setting, `kind.setting=number` for any other; settings of one kind in a row are one step.
 * @example parseAugmentations("flip,rotate=10") // [{ kind: "flip" }, { kind: "rotate", degrees: 10 }]
 * @throws GradusError for an unknown kind or setting, or a value that is no number
 */
export function parseAugmentations(text: string): AugmentationSpec[] {
  const steps: Record<string, string | number>[] = [];
  for (const part of text.split(",").map((one) => one.trim())) {
    if (part === "" || part === "none") continue;
    const [, kind = part, setting, value] = /^([^.=]*)(?:\.([^=]*))?(?:=(.*))?$/.exec(part) ?? [];
    const of = augmentationByKind(kind.trim());
    const known = settingNames(of.kind).filter((one) => one !== "kind");
    const name = setting?.trim() ?? main(of);
    if (!known.includes(name)) throw new GradusError(`${of.kind} has no setting "${name}".`, { hint: didYouMean(name, known, "settings") });
    const last = steps.at(-1);
    const step = setting !== undefined && last?.["kind"] === of.kind ? last : { kind: of.kind };
    if (step !== last) steps.push(step);
    if (value === undefined && setting === undefined) continue;
    step[name] = name === "fill" && value?.trim() === "edge" ? "edge" : numberOf(value ?? "", part);
  }
  return steps as unknown as AugmentationSpec[];
}

/** The list as text, without what is as usual. */
export function formatAugmentations(specs: readonly AugmentationSpec[]): string {
  return specs
    .flatMap(({ kind, ...given }) => {
      const of = augmentationByKind(kind);
      const first = main(of);
      const usual: Readonly<Record<string, unknown>> = {
        ...Object.fromEntries(Object.entries(of.settings).map(([name, one]) => [name, one.default])),
        probability: of.probability,
        fill: "edge",
      };
      const others = Object.entries(given).filter(([name, value]) => name !== first && value !== undefined && value !== usual[name]);
      const value = given[first];
      return [
        value === undefined || (first === "probability" && value === usual[first]) ? kind : `${kind}=${value}`,
        ...others.map(([name, other]) => `${kind}.${name}=${other}`),
      ];
    })
    .join(",");
}

function numberOf(text: string, part: string): number {
  const value = text.trim() === "" ? NaN : Number(text);
  if (Number.isFinite(value)) return value;
  throw new GradusError(`an augmentation is a kind or kind=number, found "${part}".`, {
    hint: "e.g. flip,rotate=10,crop=2,affine.scale=0.2",
  });
}
