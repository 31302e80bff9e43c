#!/usr/bin/env node
// As many runners on this machine as there is work, each for one job: `scale-runners.mjs <owner/pool> <most> [words...]`.
// The words go to each `spillway runner start --once`. Needs SPILLWAY_URL and SPILLWAY_TOKEN (scopes `read` and
// `runner:register`); SPILLWAY_PROGRAM, when `spillway` is not in the path. SIGTERM: no more, and an end when all are done.
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

const lookMs = 2_000;
const usage = `usage: scale-runners.mjs <owner/pool> [most] [words of spillway runner start...]
As many runners on this machine as there is work, each for one job; at most 4 unless said.
SPILLWAY_URL and SPILLWAY_TOKEN (scopes read and runner:register) say for which server;
SPILLWAY_PROGRAM what to start when spillway is not in the path. SIGTERM ends it.
`;
const [pool = "", most = "4", ...words] = process.argv.slice(2);
if (pool === "--help" || pool === "-h") {
	process.stdout.write(usage);
	process.exit(0);
}
if (!/^[^/-][^/]*\/[^/]+$/.test(pool) || !/^[1-9][0-9]*$/.test(most)) {
	process.stderr.write(usage);
	process.exit(2);
}
const { SPILLWAY_URL: url, SPILLWAY_TOKEN: token, SPILLWAY_PROGRAM: program = "spillway" } = process.env;
/** By the number of its place. */
const runners = new Map();
let isStopping = false;

process.once("SIGTERM", () => {
	isStopping = true;
	for (const runner of runners.values()) runner.kill("SIGTERM");
});

while (!isStopping) {
	const wanted = await countWanted().catch((error) => {
		process.stderr.write(`scale-runners: ${error.message}\n`);
		return 0;
	});
	while (runners.size < Math.min(wanted, Number(most))) start();
	await new Promise((resolve) => setTimeout(resolve, lookMs));
}

/** Runners that were started and have no job yet are among those that serve what waits. */
async function countWanted() {
	const answer = await fetch(`${url}/v1/pools/${pool}`, { headers: { authorization: `Bearer ${token}` } });
	if (!answer.ok) throw new Error(`the pool answers ${answer.status}`);
	const { waiting, running } = await answer.json();
	return waiting + running;
}

/** Each place has a work folder of its own, which the next runner in it takes over with its cache. */
function start() {
	let place = 0;
	while (runners.has(place)) place++;
	const workDir = join(tmpdir(), "spillway-runners", pool, String(place));
	const name = `${pool.replace("/", "-")}-${place}`;
	const child = spawn(
		program,
		["runner", "start", "--once", "--pool", pool, "--name", name, "--work-dir", workDir, ...words],
		{ stdio: "inherit" },
	);
	child.once("error", (error) => process.stderr.write(`scale-runners: ${error.message}\n`));
	child.once("close", () => runners.delete(place));
	runners.set(place, child);
}
