/** Changes of an image that would make its label wrong: a mirrored 2 is no 2, a 6 upside down is a 9. */
import type { Finding } from "../util/finding.ts";
import type { AugmentationSpec } from "./augmentation.ts";
import { completeAugmentations } from "./augment-example.ts";

/** How a group of class names takes a change: `same` are those whose picture stays itself. */
interface Group {
  readonly what: string;
  readonly members: RegExp;
  /** Left and right exchanged. */
  readonly mirrored: RegExp;
  /** Top and bottom exchanged. */
  readonly upended: RegExp;
  /** Turned by a quarter or more. */
  readonly turned: RegExp;
}

const none = /^$/;

const groups: readonly Group[] = [
  { what: "digits", members: /^\d$/, mirrored: /^[018]$/, upended: /^[0138]$/, turned: /^[0]$/ },
  {
    what: "digits",
    members: /^(zero|one|two|three|four|five|six|seven|eight|nine)$/i,
    mirrored: /^(zero|one|eight)$/i,
    upended: /^(zero|one|three|eight)$/i,
    turned: /^zero$/i,
  },
  { what: "letters", members: /^\p{L}$/u, mirrored: /^[AHIMOTUVWXYovwx]$/, upended: /^[BCDEHIKOXcox]$/, turned: /^[OXox]$/ },
  {
    what: "sides",
    members: word("left|right|east|west|clockwise|anticlockwise|counterclockwise"),
    mirrored: none,
    upended: /^[^]*(left|right|east|west)[^]*$/i,
    turned: none,
  },
  {
    what: "directions",
    members: word("up|down|upward|downward|top|bottom|north|south|upside"),
    mirrored: /^[^]*$/,
    upended: none,
    turned: none,
  },
];

/** The words stand in the name by themselves: `turn-left`, `left_hand`, not `cleft`. */
function word(words: string): RegExp {
  return new RegExp(`(^|[^a-z])(${words})([^a-z]|$)`, "i");
}

/** Turns from here on exchange sides. */
const quarter = 90;

/**
 * Which augmentations of images would change what their labels say. Names decide, so it can only ask.
 * @param classes their names; a regression has none
 * @returns a warning for each kind and group of names, `augmentation-labels`
 */
export function labelWarnings(specs: readonly AugmentationSpec[], classes: readonly string[]): Finding[] {
  const images = specs.filter(({ kind }) => kind === "flip" || kind === "flipVertical" || kind === "rotate");
  return completeAugmentations(images, { form: "image", shape: [1, 1, 1] }).flatMap(({ kind, degrees }) => {
    if (kind === "rotate" && Number(degrees) < quarter) return [];
    const stays = kind === "flip" ? "mirrored" : kind === "flipVertical" ? "upended" : "turned";
    return groups.flatMap(({ what, members, [stays]: same }) => {
      const doubtful = classes.filter((name) => members.test(name) && !same.test(name));
      if (doubtful.length === 0) return [];
      const shown = `${doubtful.slice(0, 5).join(", ")}${doubtful.length > 5 ? ", …" : ""}`;
      const act = kind === "rotate" ? `turned by up to ${degrees}°` : kind === "flip" ? "mirrored" : "upside down";
      const message = `${kind}: if the classes ${shown} are pictures of ${what}, one that is ${act} is no longer what its label says`;
      return [
        {
          rule: "augmentation-labels",
          severity: "warn" as const,
          subject: kind,
          message,
          hint: `leave out ${kind === "rotate" ? "turns of 90° and more" : kind} if so`,
          numbers: { classes: doubtful.length },
          threshold: {},
          source: "Goodfellow, Bengio and Courville 2016, §7.4",
        },
      ];
    });
  });
}
