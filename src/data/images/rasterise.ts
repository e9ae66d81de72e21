/** Pictures that were drawn as SVG, as PNG. */
import { library } from "./decode.ts";

/** @throws GradusError where sharp does not load */
export async function rasterised(svg: string): Promise<Uint8Array> {
  const sharp = await library();
  return new Uint8Array(await sharp(Buffer.from(svg)).png().toBuffer());
}
