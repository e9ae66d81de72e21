// The part of the browser's Worker that jax-js needs for threads, over Node's, which lacks it: module text from a
// blob URL, messages both ways. Without this the library runs on one thread in Node.
import { resolveObjectURL } from "node:buffer";
import { Worker as NodeWorker } from "node:worker_threads";

const prelude = `
const { parentPort } = require("node:worker_threads");
globalThis.self = globalThis;
globalThis.postMessage = (data) => parentPort.postMessage(data);
parentPort.on("message", (data) => self.onmessage({ data }));
`;

class BlobWorker {
  onmessage = null;
  onerror = null;
  #started;

  constructor(url) {
    this.#started = resolveObjectURL(url)
      .text()
      .then((text) => {
        const worker = new NodeWorker(prelude + text, { eval: true });
        worker.on("message", (data) => this.onmessage?.({ data }));
        worker.on("error", (error) => this.onerror?.(error));
        return worker;
      });
  }

  postMessage(data) {
    this.#started.then((worker) => worker.postMessage(data));
  }
}

/** Makes `threads` workers available to a library that asks `navigator.hardwareConcurrency` and calls `new Worker`. */
export function provideWorkers(threads) {
  globalThis.Worker = BlobWorker;
  Object.defineProperty(globalThis, "navigator", { value: { hardwareConcurrency: threads }, configurable: true });
}
