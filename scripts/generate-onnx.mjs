/**
 * Generates src/onnx/onnx_pb.ts from src/onnx/onnx.proto. Needs `protoc` on the PATH; the result is committed, so a build does not.
 * The .proto is the ONNX project's (Apache-2.0), as Debian's libonnx-dev 1.12 ships it in /usr/include/onnx.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
execFileSync(
  "protoc",
  ["--plugin=node_modules/.bin/protoc-gen-es", "-I=src/onnx", "--es_out=src/onnx", "--es_opt=target=ts,erasable_syntax=true", "onnx.proto"],
  { cwd: root, stdio: "inherit" },
);
