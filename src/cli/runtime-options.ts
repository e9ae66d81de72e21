/** `--threads` and `--device`: how the runtime works, which changes no result. */
import type { Device } from "../exec/session.ts";
import { didYouMean } from "../util/closest.ts";
import { GradusError } from "../util/errors.ts";
import type { OptionValues } from "./command.ts";

const devices: readonly Device[] = ["cpu", "webgpu", "cuda"];

/** @throws GradusError for a number of threads below 1, or an unknown device */
export function runtimeOptions({ threads, device }: OptionValues): { threads?: number; device?: Device } {
  const count = Number(threads);
  if (threads !== undefined && (!Number.isInteger(count) || count < 1)) {
    throw new GradusError(`--threads must be a whole number of at least 1, found "${String(threads)}".`);
  }
  if (device !== undefined && !devices.includes(device as Device)) {
    throw new GradusError(`--device must be one of ${devices.join(", ")}, found "${String(device)}".`, {
      hint: didYouMean(String(device), devices, "devices"),
    });
  }
  return { ...(threads === undefined ? {} : { threads: count }), ...(device === undefined ? {} : { device: device as Device }) };
}
