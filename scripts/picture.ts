/**
 * Draws docs/images/terminal-light.svg and -dark.svg: the real output of a training, as a terminal shows it; and report.png: the charts of a
 * network on two measurements. `npm run picture -- report` draws that alone.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { runCommandLine } from "../src/cli/program.ts";

const columns = 112;
/** As high as a box character of the usual fonts at 14 px, so that upright strokes join. */
const cell = { width: 8.4, height: 16.3 };
const escape = String.fromCharCode(27);
const themes = {
  light: {
    background: "#ffffff",
    border: "#d0d7de",
    text: "#1f2328",
    2: "#6e7781",
    31: "#cf222e",
    32: "#1a7f37",
    33: "#9a6700",
    36: "#1b7c83",
  },
  dark: {
    background: "#0d1117",
    border: "#30363d",
    text: "#e6edf3",
    2: "#8b949e",
    31: "#ff7b72",
    32: "#3fb950",
    33: "#d29922",
    36: "#39c5cf",
  },
} as const;

async function transcript(argv: readonly string[]): Promise<string[]> {
  let out = "";
  const write = (text: string) => void (out += text);
  const terminal = { width: columns, live: true, color: true, out: write, err: write };
  await runCommandLine(argv, { terminal, env: {}, version: "", onInterrupt: () => () => {} });
  // What a carriage return and "erase line" took away is not on the screen.
  return out.split("\n").map((line) => line.slice(line.lastIndexOf(`${escape}[2K`) + 1).replace(/^\[2K/, ""));
}

interface Run {
  readonly column: number;
  readonly text: string;
  readonly code: number | undefined;
  readonly bold: boolean;
}

/** Stretches of one style without wide gaps, line by line; a style lasts until it is ended. */
function runsOf(lines: readonly string[]): Run[][] {
  let [bold, code] = [false, undefined as number | undefined];
  return lines.map((line) => {
    const runs: Run[] = [];
    let column = 0;
    for (const part of line.split(new RegExp(`(${escape}\\[\\d+m)`))) {
      const style = new RegExp(`^${escape}\\[(\\d+)m$`).exec(part)?.[1];
      if (style === undefined) {
        for (const word of part.matchAll(/\S+( \S+)*/g)) runs.push({ column: column + word.index, text: word[0], code, bold });
        column += part.length;
      } else if (style === "1") bold = true;
      else if (style === "22" || style === "39") [bold, code] = [style === "22" ? false : bold, undefined];
      else code = Number(style);
    }
    return runs;
  });
}

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function draw(lines: readonly string[], theme: (typeof themes)[keyof typeof themes]): string {
  const [width, height] = [columns * cell.width + 32, lines.length * cell.height + 32];
  const texts = runsOf(lines).flatMap((runs, row) =>
    runs.map(({ column, text, code, bold }) => {
      const fill = code === undefined ? theme.text : (theme[code as 2] ?? theme.text);
      const x = (16 + column * cell.width).toFixed(1);
      const length = (text.length * cell.width).toFixed(1);
      const weight = bold ? ' font-weight="bold"' : "";
      return `<text x="${x}" y="${(16 + row * cell.height + 13).toFixed(1)}" fill="${fill}"${weight} textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(text)}</text>`;
    }),
  );
  const font = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height.toFixed(0)}" font-family="${font}" font-size="14">
<rect x="0.5" y="0.5" width="${(width - 1).toFixed(0)}" height="${(height - 1).toFixed(0)}" rx="8" fill="${theme.background}" stroke="${theme.border}"/>
${texts.join("\n")}
</svg>
`;
}

mkdirSync("docs/images", { recursive: true });
const wanted = process.argv[2];

if (wanted !== "report") {
  const command = ["train", "examples/penguins.csv", "--target", "species"];
  const run = "runs/quiet-otter";
  rmSync(run, { recursive: true, force: true });
  const lines = [`${escape}[2m$${escape}[22m gradus ${command.join(" ")}`, ...(await transcript([...command, "--out", run]))];
  while (lines[lines.length - 1] === "") lines.pop();
  rmSync(run, { recursive: true, force: true });
  for (const [name, theme] of Object.entries(themes)) writeFileSync(`docs/images/terminal-${name}.svg`, draw(lines, theme));
}

const run = "runs/two-measurements";
rmSync(run, { recursive: true, force: true });
const dropped = "island,body_mass_g,flipper_length_mm,sex,year";
await transcript(["train", "examples/penguins.csv", "--target", "species", "--drop", dropped, "--out", run]);
await transcript(["report", run, "--png", "runs/two-measurements/report.png", "--boundary"]);
const sheet = sharp("runs/two-measurements/report.png");
const { width, height } = await sheet.metadata();
/** Training, answers, the boundary and the layers; what is below is on the page. */
const shown = { left: 0, top: 0, width, height: Math.min(height, 2040) };
await sheet.extract(shown).png({ palette: true, colours: 64, effort: 10 }).toFile("docs/images/report.png");
rmSync(run, { recursive: true, force: true });
