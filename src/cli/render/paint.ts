/** Colour, or none: functions that wrap text in ANSI codes where the terminal takes them. */

export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
  cyan(text: string): string;
}

const escape = String.fromCharCode(27);

export function paint(color: boolean): Paint {
  const wrap = (on: number, off: number) => (text: string) => (color && text !== "" ? `${escape}[${on}m${text}${escape}[${off}m` : text);
  return { bold: wrap(1, 22), dim: wrap(2, 22), red: wrap(31, 39), green: wrap(32, 39), yellow: wrap(33, 39), cyan: wrap(36, 39) };
}

/** The text without ANSI codes. */
export function plain(text: string): string {
  return text.replaceAll(new RegExp(`${escape}\\[[0-9;]*[A-Za-z]`, "g"), "");
}
