// The script in the documentation that starts runners as there is work, with a pool and a `spillway` of the test's own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../scripts/child.ts";
import { FakeApi } from "../src/testing/fake-api.ts";

it.each([
	[["--help"], 0],
	[["acme"], 2],
	[["acme/default", "many"], 2],
	[[], 2],
])(
	"[N105] with the words %j the script shows how it is called, starts nothing and exits with %i",
	async (words, code) => {
		const child = spawn(process.execPath, [join(root, "docs/runner/scale-runners.mjs"), ...words]);
		let said = "";
		for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += String(text)));
		expect(await once(child, "close")).toEqual([code, null]);
		expect(said).toMatch(/^usage: scale-runners\.mjs <owner\/pool>/);
	},
);

it("[N105] the script starts a runner for each job, no more than allowed, and ends when they have", async () => {
	const folder = mkdtempSync(join(tmpdir(), "spillway-scale-"));
	const program = join(folder, "spillway");
	writeFileSync(
		program,
		`#!/bin/sh\necho "$@" >> '${folder}/started'\nuntil [ -e '${folder}/go' ]; do sleep 0.05; done\n`,
	);
	chmodSync(program, 0o755);
	const api = new FakeApi();
	await api.open();
	api.on("GET /v1/pools/acme/default", { json: { waiting: 5, running: 1 } });
	const script = join(root, "docs/runner/scale-runners.mjs");
	const child = spawn(process.execPath, [script, "acme/default", "3", "--labels", "linux"], {
		env: { ...process.env, SPILLWAY_URL: api.url, SPILLWAY_TOKEN: "a-token", SPILLWAY_PROGRAM: program },
	});
	const started = () =>
		existsSync(join(folder, "started")) ? readFileSync(join(folder, "started"), "utf8").trim().split("\n") : [];
	const exited = once(child, "exit");
	while (started().length < 3 || api.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 50));
	expect(started()).toHaveLength(3);
	expect(started().sort()[2]).toMatch(
		/^runner start --once --pool acme\/default --name acme-default-2 .*--labels linux$/,
	);
	child.kill("SIGTERM");
	writeFileSync(join(folder, "go"), "");
	expect(await exited).toEqual([0, null]);
	await api.close();
	rmSync(folder, { recursive: true });
});
