/** ONNX models as files, and the tensors that they keep in files beside them: nothing outside the model's own folder is opened. */
import { closeSync, openSync, readFileSync, readSync, realpathSync, statSync, type Stats } from "node:fs";
import { dirname, join, relative, isAbsolute, sep } from "node:path";
import { inspectModel, readModel, type ReadModel } from "../onnx/read.ts";
import type { ExternalReader } from "../onnx/tensor-proto.ts";
import { GradusError } from "../util/errors.ts";

const fileLimit = 2 ** 31 - 1;

/**
 * Reads `model.onnx` and the files that it names.
 * @throws GradusError as `readModel` does, and where a file is missing, is none, or lies outside the model's folder
 * @example const { graph } = readModelFile("resnet18/model.onnx");
 */
export function readModelFile(path: string): ReadModel {
  return readModel(bytesOfModel(path), { external: readerBeside(path) });
}

/** What a file says of itself, and its graph where all its operators are ours. Throws as `readModelFile` does, but for the operators. */
export function inspectModelFile(path: string): ReturnType<typeof inspectModel> {
  return inspectModel(bytesOfModel(path), { external: readerBeside(path) });
}

function bytesOfModel(path: string): Uint8Array {
  const { size } = statFile(path, path);
  if (size > fileLimit) throw new GradusError(`${path} has ${size} bytes; an ONNX file holds at most ${fileLimit}`);
  return readFileSync(path);
}

/** @param named the file as messages call it */
function statFile(path: string, named: string): Stats {
  let found: Stats;
  try {
    found = statSync(path);
  } catch (cause) {
    const missing = (cause as { code?: string }).code === "ENOENT";
    throw new GradusError(missing ? `there is no file ${named}` : `${named} cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (!found.isFile()) throw new GradusError(`${named} is not a file`);
  return found;
}

/** Reads parts of files in the folder of a model; links are followed only where they stay in it. */
function readerBeside(model: string): ExternalReader {
  return ({ location, offset, length }) => {
    const path = join(dirname(model), location);
    const { size } = statFile(path, `"${location}" beside the model, where it keeps tensors`);
    const within = relative(realpathSync(dirname(model)), realpathSync(path));
    if (within === ".." || within.startsWith(`..${sep}`) || isAbsolute(within))
      throw new GradusError(`"${location}", where the model keeps tensors, is a link out of the model's folder`);
    if (offset + length > size)
      throw new GradusError(`"${location}" has ${size} bytes, the model wants ${length} from ${offset} on`, {
        hint: "the file is cut off",
      });
    return readPart(path, offset, length);
  };
}

function readPart(path: string, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const file = openSync(path, "r");
  try {
    let done = 0;
    while (done < length) {
      const read = readSync(file, bytes, done, Math.min(length - done, 2 ** 30), offset + done);
      if (read === 0) throw new GradusError(`${path} ends before byte ${offset + length}`);
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}
