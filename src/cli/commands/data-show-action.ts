/** `gradus data show`: a file's profile as lines, as JSON, as a picture. */
import { profilePicture } from "../../data/profile-picture.ts";
import { profileData } from "../../data/profile.ts";
import { writeWhole } from "../../store/run-folder.ts";
import { printable } from "../../util/printable.ts";
import type { Action } from "../command.ts";
import { textUnits } from "../flags.ts";
import { line } from "../render/lines.ts";
import { paint } from "../render/paint.ts";
import { profileLines } from "../render/profile.ts";
import { readingOptions } from "../reading-options.ts";

export const dataShowAction: Action = async ({ arguments: [data = ""], options }, { terminal, json, emit }) => {
  const { picture, text, sequenceId, time } = options;
  const profile = await profileData(data, {
    ...readingOptions(options),
    ...(typeof text === "string" ? { text: textUnits(text) } : {}),
    ...(typeof sequenceId === "string" ? { sequenceId } : {}),
    ...(typeof time === "string" ? { time } : {}),
  });
  const drawn = typeof picture === "string" ? picture : undefined;
  if (drawn !== undefined) await writeWhole(drawn, [profilePicture(profile)]);
  emit({ type: "result", command: "data show", data, ...profile, ...(drawn === undefined ? {} : { picture: drawn }) });
  if (json) return 0;
  const lines = profileLines(profile, terminal.width, paint(terminal.color));
  if (drawn !== undefined) lines.push("", line("picture", printable(drawn), terminal.width));
  terminal.out(`${lines.join("\n")}\n`);
  return 0;
};
