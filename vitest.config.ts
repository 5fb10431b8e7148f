import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: ["**/node_modules/**", "dist/**"],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    // What is to become so may take long where many share a core; what never becomes so is still found.
    expect: { poll: { timeout: 15_000 } },
    globalSetup: "platform/postgres/testing-server.ts",
  },
});
