/** Parquet: its columns keep their types. */
import { open } from "node:fs/promises";
import { GradusError } from "../../util/errors.ts";
import { escapeGlob, literal } from "../database.ts";
import type { FileFacts } from "../file.ts";
import type { Reader } from "../reader.ts";
import { stageRelation } from "../typed-source.ts";

const MAGIC = "PAR1";
const starts = ({ head }: FileFacts): boolean => head.subarray(0, 4).toString("latin1") === MAGIC;

export const parquet: Reader = {
  name: "Parquet",
  reads: (file) => starts(file) || /\.(parquet|pq)$/i.test(file.name),
  async stage(file, { database, reading }) {
    const { path } = file;
    if (!starts(file))
      throw new GradusError(
        `${path} is no Parquet file, whatever its name says: it should begin with "${MAGIC}", found "${file.head.subarray(0, 8).toString("latin1")}".`,
        { hint: "give it the suffix of what it is (.csv, .json), or copy it again." },
      );
    if (file.bytes < 12 || (await lastBytes(file)) !== MAGIC)
      throw new GradusError(
        `${path} is cut short: a Parquet file ends with "${MAGIC}" and the table of its contents, this one (${file.bytes} bytes) does not.`,
        {
          hint: "copy or download it again.",
        },
      );
    try {
      return await stageRelation(database, path, `read_parquet(${literal(escapeGlob(file.absolutePath))})`, { missing: reading.missing });
    } catch (cause) {
      if (cause instanceof GradusError) throw cause;
      throw new GradusError(
        `${path} is a damaged Parquet file: ${(cause as Error).message.split("\n")[0]!.replaceAll(file.absolutePath, path)}`,
        {
          hint: "copy or download it again.",
          cause,
        },
      );
    }
  },
};

async function lastBytes({ absolutePath, bytes }: FileFacts): Promise<string> {
  const file = await open(absolutePath);
  try {
    const buffer = Buffer.alloc(4);
    await file.read(buffer, 0, 4, bytes - 4);
    return buffer.toString("latin1");
  } finally {
    await file.close();
  }
}
