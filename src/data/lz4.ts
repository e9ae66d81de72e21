/** LZ4 frames decompressed, as Arrow files hold them: https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md. */

const MAGIC = 0x184d2204;

/**
 * The contents of one LZ4 frame; checksums are passed over.
 * @param most bytes that it may grow to
 * @throws Error where the frame is damaged, cut short or too large
 */
export function decodeLz4(frame: Uint8Array, most: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 7 || view.getUint32(0, true) !== MAGIC) throw new Error("no LZ4 frame");
  const flags = frame[4]!;
  if (flags >> 6 !== 1) throw new Error(`LZ4 frames of version ${flags >> 6}`);
  let at = 6 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0) + 1;
  const declared = flags & 0x08 ? Number(view.getBigUint64(6, true)) : frame.length * 4;
  let out = new Uint8Array(Math.min(most, declared));
  let length = 0;
  const room = (bytes: number): void => {
    if (length + bytes > most) throw new Error(`more than ${most} bytes once decompressed`);
    if (length + bytes <= out.length) return;
    const larger = new Uint8Array(Math.min(most, Math.max(2 * out.length, length + bytes)));
    larger.set(out.subarray(0, length));
    out = larger;
  };

  const block = (from: number, end: number): void => {
    let i = from;
    /** A length of 15 and more goes on in bytes until one is not 255. */
    const extended = (nibble: number): number => {
      let total = nibble;
      for (let byte = nibble === 15 ? 255 : 0; byte === 255; total += byte) {
        if (i >= end) throw new Error("an LZ4 block is cut short");
        byte = frame[i++]!;
      }
      return total;
    };
    while (i < end) {
      const token = frame[i++]!;
      const literals = extended(token >> 4);
      if (i + literals > end) throw new Error("an LZ4 block is cut short");
      room(literals);
      out.set(frame.subarray(i, i + literals), length);
      length += literals;
      i += literals;
      if (i >= end) return;
      const offset = frame[i]! | (frame[i + 1]! << 8);
      i += 2;
      if (offset === 0 || offset > length || i > end) throw new Error("an LZ4 block points outside what it has written");
      const match = extended(token & 15) + 4;
      room(match);
      // The copy may overlap what it writes.
      for (let k = 0; k < match; k++, length++) out[length] = out[length - offset]!;
    }
  };

  for (;;) {
    if (at + 4 > frame.length) throw new Error("an LZ4 frame is cut short");
    const head = view.getUint32(at, true);
    at += 4;
    if (head === 0) return out.subarray(0, length);
    const size = head & 0x7fffffff;
    if (at + size > frame.length) throw new Error("an LZ4 frame is cut short");
    if (head >>> 31) {
      room(size);
      out.set(frame.subarray(at, at + size), length);
      length += size;
    } else block(at, at + size);
    at += size + (flags & 0x10 ? 4 : 0);
  }
}
