// Three kinds of tests: rules and programs in Node, objects in the real runtime, and journeys through the front door of a
// whole server. Nothing here may be skipped: `.ci/run` counts a skipped test as a failure.
//
// `npm test` must take at most five minutes on two cores, so: journeys and the tests in Node, half of which mostly wait, four files
// at a time; then the files in the runtime, which mostly compute, two at a time in two runtimes that they share. Why:
// docs/decisions/0044-the-time-of-the-tests.md.
import { generateKeyPairSync } from "node:crypto";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import { defineConfig } from "vitest/config";
import { workerdPath } from "./src/server/workerd-path.ts";
import { LastTestWatch } from "./scripts/last-test-watch.ts";
import { isLong } from "./src/testing/long-form.ts";

/** Keys for tests only; a real installation makes or is given its own. */
const testBindings = {
	SPILLWAY_OPERATOR_TOKEN: "operator-token-for-tests",
	SPILLWAY_SIGNING_KEYS: `k1:${"5e".repeat(32)}`,
	SPILLWAY_SEALING_KEYS: `k1:${"a7".repeat(32)}`,
	SPILLWAY_IDENTITY_KEYS: generateKeyPairSync("rsa", { modulusLength: 2_048 })
		.privateKey.export({ type: "pkcs8", format: "pem" })
		.toString(),
	SPILLWAY_URL: "https://spillway.test/",
	// A machine under load answers late: what is spilled for that is not what most tests are about.
	SPILL_AFTER_MS: 60_000,
	// No call waits for its turn: one that ends would wake another from its own context, which the plugin has go on in there.
	CALLS_AT_ONCE: 100_000,
	// Which seeds the log's proof tries; empty: its own, of which these are the first.
	LOG_PROOF_SEEDS: process.env.LOG_PROOF_SEEDS ?? (isLong ? "" : "401-405"),
};

/** Objects are tested in the workerd that `npm start` runs. */
process.env.MINIFLARE_WORKERD_PATH = workerdPath();

/** Vitest's own choice on two cores is one. With more than four, tests that look at real time would be late. */
const filesAtOnce = { waiting: 4, computing: 2 };

/** Where `.ci/run` wants the results to count them. */
const report = process.env.SPILLWAY_TEST_REPORT;

export default defineConfig({
	test: {
		allowOnly: false,
		reporters: report
			? ["default", ["json", { outputFile: report }], new LastTestWatch()]
			: ["default", new LastTestWatch()],
		projects: [
			{
				test: {
					name: "node",
					include: ["src/**/*.test.ts", "scripts/**/*.test.ts", "chaos/**/*.test.ts"],
					exclude: ["chaos/worker/**"],
					environment: "node",
					maxWorkers: filesAtOnce.waiting,
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
					include: ["workers/**/*.test.ts", "chaos/worker/**/*.test.ts"],
					maxWorkers: filesAtOnce.computing,
					sequence: { groupOrder: 1 },
					// To start a runtime and load the program into it takes 4 s of processor time; `empty-storage.ts` empties one in a
					// tenth of that.
					isolate: false,
					setupFiles: ["./workers/testing/empty-storage.ts"],
					// Vitest waits until each log line it intercepted was taken over, before it says that a file has ended. The plugin keeps
					// a line that an object wrote until the test itself sends something: after the last test nothing is sent, and Vitest waits
					// for ever. Lines that the runtime prints itself hold up nothing. Goes with cloudflare/workers-sdk#15498.
					disableConsoleIntercept: true,
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
					exclude: isLong ? [] : ["test/**/*.long.test.ts"],
					environment: "node",
					maxWorkers: filesAtOnce.waiting,
					testTimeout: 120_000,
					hookTimeout: 120_000,
					// [T38] As the runtime's tests wait: a busy machine alone fails no journey. Vitest's own is a second.
					expect: { poll: { timeout: 60_000 } },
				},
			},
		],
	},
});
