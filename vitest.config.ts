import { defineConfig } from "vitest/config";
import lastLine from "./test/reporter.ts";

export default defineConfig({
  resolve: { conditions: ["gradus-source"] },
  ssr: { resolve: { conditions: ["gradus-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    pool: "forks",
    reporters: ["default", lastLine],
  },
});
