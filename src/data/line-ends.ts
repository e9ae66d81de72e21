/** Text files whose lines end in \r\n here and in \n there: a copy in which every line ends in \n. */
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { grouped } from "./table.ts";

const [FEED, RETURN, QUOTE] = [10, 13, 34];

/**
 * Writes a copy in which \r\n outside quotes is \n; a line stays the line that it was, and quoted fields keep what they hold. Double
 * quotes open a field at its beginning only.
 * @param path of a text in UTF-8
 * @param copy where to write it
 * @param delimiter one character
 * @returns how many lines end in which way, as a note
 */
export async function evenLineEnds(path: string, copy: string, delimiter: string): Promise<string> {
  const separator = Buffer.from(delimiter).at(-1)!;
  let [long, short, quoted] = [0, 0, false];
  let before = FEED;
  /** A \r at the end of a chunk: what follows says what it is. */
  let open = false;
  async function* evened(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      const bytes = open ? Buffer.concat([Buffer.of(RETURN), chunk]) : chunk;
      const out = Buffer.alloc(bytes.length);
      const last = bytes.length - 1;
      open = bytes[last] === RETURN;
      let length = 0;
      for (let at = 0; at <= (open ? last - 1 : last); at++) {
        const byte = bytes[at]!;
        if (byte === QUOTE && (quoted || before === separator || before === FEED)) quoted = !quoted;
        // The second of two quotes inside a field opens it again.
        else if (byte === QUOTE && before === QUOTE) quoted = true;
        const joined: boolean = !quoted && byte === RETURN && bytes[at + 1] === FEED;
        if (joined) long += 1;
        else if (!quoted && byte === FEED && bytes[at - 1] !== RETURN) short += 1;
        if (!joined) out[length++] = byte;
        before = byte;
      }
      yield out.subarray(0, length);
    }
    if (open) yield Buffer.of(RETURN);
  }
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), evened, createWriteStream(copy));
  return `${grouped(long)} line${long === 1 ? " ends" : "s end"} in \\r\\n, ${grouped(short)} in \\n: each was read as the end of a line`;
}
