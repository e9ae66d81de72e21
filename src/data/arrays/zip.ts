/** Zip archives as NumPy writes them: the directory at the end, entries stored or deflated. Nothing is written anywhere. */
import { inflateRawSync } from "node:zlib";
import { GradusError } from "../../util/errors.ts";
import { MOST_BYTES, spokenBytes } from "./array.ts";
import { MOST_INFLATION } from "./bytes.ts";

/** A file in an archive. */
interface ZipEntry {
  readonly name: string;
  /** Its bytes, decompressed now. @throws GradusError where they are damaged or not as many as announced */
  readonly read: () => Uint8Array;
}

const [END, ENTRY, LOCAL, END64, LOCATOR64] = [0x06054b50, 0x02014b50, 0x04034b50, 0x06064b50, 0x07064b50];
/** The end record is 22 bytes long and may carry a comment. */
const FARTHEST_END = 22 + 65_535;
const MOST_ENTRIES = 10_000;

/**
 * The entries of an archive.
 * @throws GradusError on anything that is no whole archive, on encryption and other compressions, beyond the limits
 */
export function zipEntries(shown: string, bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (what: string): never => {
    throw new GradusError(`${shown} is no whole zip archive: ${what}.`, { hint: "it is cut off or damaged: save it again." });
  };
  let end = bytes.length - 22;
  const least = Math.max(0, bytes.length - FARTHEST_END);
  while (end >= least && view.getUint32(end, true) !== END) end--;
  if (end < least) return damaged("its directory is missing");
  let [count, at] = [view.getUint16(end + 10, true), view.getUint32(end + 16, true)];
  if (end >= 20 && view.getUint32(end - 20, true) === LOCATOR64) {
    const far = Number(view.getBigUint64(end - 12, true));
    if (far + 56 > bytes.length || view.getUint32(far, true) !== END64) damaged("its directory is missing");
    [count, at] = [Number(view.getBigUint64(far + 32, true)), Number(view.getBigUint64(far + 48, true))];
  }
  if (count > MOST_ENTRIES) damaged(`it is said to hold ${count} files`);
  const entries: ZipEntry[] = [];
  let total = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== ENTRY) damaged("its directory is cut off");
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > bytes.length) damaged("its directory is cut off");
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameLength));
    const sizes = { packed: view.getUint32(at + 20, true), plain: view.getUint32(at + 24, true), from: view.getUint32(at + 42, true) };
    const { packed, plain, from } = wideSizes(view, at + 46 + nameLength, extraLength, sizes);
    at = next;
    const label = `${shown}, ${name}`;
    if ((flags & 1) === 1) throw new GradusError(`${label} is encrypted.`, { hint: "save the archive without a password." });
    if (method !== 0 && method !== 8)
      throw new GradusError(`${label} is compressed by method ${method}; stored (0) or deflated (8) was expected.`, {
        hint: "save it with numpy.savez or numpy.savez_compressed.",
      });
    if (from + 30 > bytes.length || view.getUint32(from, true) !== LOCAL) damaged(`${name} is not where its directory says`);
    const start = from + 30 + view.getUint16(from + 26, true) + view.getUint16(from + 28, true);
    if (start + packed > bytes.length) damaged(`${name} is cut off`);
    if (plain > (method === 0 ? packed : packed * MOST_INFLATION))
      throw new GradusError(`${label} is said to be ${spokenBytes(plain)}, more than its ${spokenBytes(packed)} can hold.`, {
        hint: "it is damaged: save it again.",
      });
    total += plain;
    if (total > MOST_BYTES)
      throw new GradusError(`${shown} decompresses to more than the ${spokenBytes(MOST_BYTES)} that are read into memory.`, {
        hint: "divide it.",
      });
    const body = bytes.subarray(start, start + packed);
    entries.push({ name, read: () => (method === 0 ? body : inflate(label, body, plain)) });
  }
  return entries;
}

function inflate(label: string, body: Uint8Array, plain: number): Uint8Array {
  try {
    const bytes = inflateRawSync(body, { maxOutputLength: Math.max(1, plain) });
    if (bytes.length === plain) return bytes;
    throw new RangeError(`${bytes.length} bytes instead of ${plain}`);
  } catch (cause) {
    throw new GradusError(`${label}: its compression is damaged (${(cause as Error).message}).`, { hint: "save it again.", cause });
  }
}

/** Sizes beyond 32 bits stand in an extra field (zip64), those only that do not fit. */
function wideSizes(view: DataView, from: number, length: number, sizes: { packed: number; plain: number; from: number }) {
  const wide = { ...sizes };
  for (let at = from; at + 4 <= from + length;) {
    const [id, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    let field = at + 4;
    if (id === 1)
      for (const key of ["plain", "packed", "from"] as const)
        if (wide[key] === 0xffff_ffff && field + 8 <= at + 4 + size) {
          wide[key] = Number(view.getBigUint64(field, true));
          field += 8;
        }
    at += 4 + size;
  }
  return wide;
}
