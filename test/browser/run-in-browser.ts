/** Runs a module in Debian's Chromium: bundled, served on the loopback interface, its default export called, the result returned. */
import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { chromium } from "playwright-core";
import { chromium as chromiumPath } from "../support/require.ts";

const root = join(import.meta.dirname, "../..");
const runtimeFiles = dirname(createRequire(import.meta.url).resolve("onnxruntime-web/ort-wasm-simd-threaded.wasm"));

const flags = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/**
 * The value that the module's default export, a function, returns or promises; it travels as JSON.
 * @param entrySource TypeScript; imports are relative to the root of the repository, e.g. `./src/exec/onnxruntime-web.ts`
 * @param argument handed to the function, as JSON
 * @throws Error with what the page threw or logged as an error
 */
export async function runInBrowser(entrySource: string, argument: unknown = null): Promise<unknown> {
  const server = await serve(await bundle(entrySource));
  const browser = await chromium.launch({ executablePath: chromiumPath()!, headless: true, args: flags });
  const complaints: string[] = [];
  try {
    const page = await browser.newPage();
    page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    // As text: a function would be compiled by the test runner, into something that the page does not have.
    const call = `import("/bundle.js").then((entry) => entry.default(${JSON.stringify(argument)})).then((value) => JSON.stringify(value))`;
    return JSON.parse(await within(60_000, page.evaluate<string>(call)));
  } catch (error) {
    throw new Error([(error as Error).message, ...complaints].join("\n"), { cause: error });
  } finally {
    await browser.close();
    server.close();
  }
}

function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`the page did not answer within ${milliseconds / 1000} s`)), milliseconds);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/** The module and what it imports as one file for browsers, from the TypeScript sources. */
export async function bundle(entrySource: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: entrySource, resolveDir: root, loader: "ts" },
    bundle: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    // Threads start from the runtime's own module; inside our bundle it could not be started again.
    conditions: ["gradus-source", "onnxruntime-web-use-extern-wasm"],
    logLevel: "silent",
  });
  return outputFiles[0]!.text;
}

/** The page, the bundle, and the runtime's own files beside it; isolated, so that the page may have threads. */
async function serve(script: string): Promise<Server> {
  const headers = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
  const server = createServer((request, response) => {
    const send = (type: string, body: string | Uint8Array) => response.writeHead(200, { ...headers, "Content-Type": type }).end(body);
    const path = request.url ?? "/";
    if (path === "/") send("text/html", '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,">');
    else if (path === "/bundle.js") send("text/javascript", script);
    else if (/^\/ort-[\w.-]+\.(wasm|mjs)$/.test(path)) {
      readFile(join(runtimeFiles, path)).then(
        (bytes) => send(path.endsWith(".wasm") ? "application/wasm" : "text/javascript", bytes),
        () => response.writeHead(404).end(),
      );
    } else response.writeHead(404).end();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return server;
}
