// Three kinds of tests: rules and programs in Node, objects in the real runtime, and journeys through the front door of a
// whole server. Nothing here may be skipped: `.ci/run` counts a skipped test as a failure.
//
// All of it must take at most five minutes on two cores, so: four files at a time whatever their kind, since half of the files
// mostly wait; the journeys first, which wait longest; and one process or runtime for many files, except for the journeys.
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { workerdPath } from "./src/server/workerd-path.ts";
import { isLong } from "./src/testing/long-form.ts";

/** Keys for tests only; a real installation makes or is given its own. */
const testBindings = {
	SPILLWAY_OPERATOR_TOKEN: "operator-token-for-tests",
	SPILLWAY_SIGNING_KEYS: `k1:${"5e".repeat(32)}`,
	SPILLWAY_SEALING_KEYS: `k1:${"a7".repeat(32)}`,
	// A machine under load answers late: what is spilled for that is not what most tests are about.
	SPILL_AFTER_MS: 60_000,
	// Which seeds the log's proof tries; empty: its own, of which these are the first.
	LOG_PROOF_SEEDS: process.env.LOG_PROOF_SEEDS ?? (isLong ? "" : "401-405"),
};

/** Objects are tested in the workerd that `npm start` runs. */
process.env.MINIFLARE_WORKERD_PATH = workerdPath();

/** Where `.ci/run` wants the results to count them. */
const report = process.env.SPILLWAY_TEST_REPORT;

/** Vitest's own choice on two cores is one. With more than four, tests that look at real time would be late. */
const filesAtOnce = 4;

export default defineConfig({
	test: {
		allowOnly: false,
		reporters: report ? ["default", ["json", { outputFile: report }]] : ["default"],
		projects: [
			{
				test: {
					name: "node",
					include: ["src/**/*.test.ts", "scripts/**/*.test.ts"],
					environment: "node",
					maxWorkers: filesAtOnce,
					testTimeout: 60_000,
				},
			},
			{
				plugins: [
					cloudflareTest(async () => ({
						wrangler: { configPath: "./wrangler.toml" },
						miniflare: { bindings: { ...testBindings, TEST_MIGRATIONS: await readD1Migrations("migrations") } },
					})),
				],
				test: {
					name: "workers",
					include: ["workers/**/*.test.ts"],
					maxWorkers: filesAtOnce,
					// Each file has a runtime of its own, although to start one takes 3 s of CPU: files that shared one left Vitest
					// waiting for ever now and then, its answers sent from the context of a request that was over.
					setupFiles: ["./workers/testing/apply-migrations.ts"],
					globalSetup: ["./src/simulation/record-chance.ts"],
					testTimeout: 60_000,
					// itty-durable 2.4.1 ships ES modules in a package that does not say so; bundling it first is the way round.
					// Goes with the first release of kwhitley/itty-durable that has "type": "module".
					deps: { optimizer: { ssr: { enabled: true, include: ["itty-durable"] } } },
				},
			},
			{
				test: {
					name: "journeys",
					include: ["test/**/*.test.ts"],
					environment: "node",
					maxWorkers: filesAtOnce,
					testTimeout: 120_000,
					hookTimeout: 120_000,
				},
			},
		],
	},
});
