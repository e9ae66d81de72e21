import { defineConfig } from "vitest/config";

export default defineConfig({
  resolve: { conditions: ["gradus-source"] },
  ssr: { resolve: { conditions: ["gradus-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 120_000,
    pool: "forks",
  },
});
