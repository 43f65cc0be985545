import { defineConfig } from "vitest/config";
import { loaderStrings } from "./strings.mjs";

export default defineConfig({
  define: { LOADER_STRINGS: JSON.stringify(await loaderStrings()) },
  test: {
    environment: "happy-dom",
    include: ["src/**/*.test.ts"],
    restoreMocks: true,
  },
});
