// `npm run demo`: the whole system once, for real, on this machine: server, runner, a run of this very clone, its logs live,
// and the archive compared with what was streamed. Exits with 0 only if everything agreed. `--keep` leaves it up.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../src/client/client.ts";
import { connectionTo } from "../src/cli/connection.ts";
import type { Connection } from "../src/cli/connection.ts";
import { processIo } from "../src/cli/io.ts";
import { runSummary } from "../src/cli/run-summary.ts";
import { watchToEnd } from "../src/cli/run/run-watch.ts";
import { table } from "../src/cli/terminal/table.ts";
import type { Run, RunRequest } from "../src/contracts/http/run.ts";
import { Child, root, startServer } from "./child.ts";
import { StreamedLogs } from "./streamed-logs.ts";

const repository = { owner: "demo", repo: "spillway" };
/** A log is in the archive moments after its job; this long says that it will not come. */
const sealedByMs = 20_000;

/** All of it takes about ten seconds; who waits longer should be told that something hangs. */
const demoMsMax = 90_000;

const io = processIo();
const keeps = process.argv.includes("--keep");
const children: Child[] = [];
const folder = await mkdtemp(join(tmpdir(), "spillway-demo-"));
const interrupted = io.stopped().then(() => {
	throw new Error("interrupted");
});

try {
	await Promise.race([demo(), interrupted]);
} catch (error) {
	io.err(`\ndemo: ${error instanceof Error ? error.message : String(error)}\n`);
	for (const child of children) if (child.complaint !== "") io.err(`\n${child.name} said:\n${child.complaint}`);
	process.exitCode = 1;
} finally {
	// The runner first, so that it can say goodbye.
	for (const child of children.reverse()) await child.stop();
	await rm(folder, { recursive: true, force: true });
}
process.exit();

async function demo(): Promise<void> {
	const startedAt = Date.now();
	const commit = headCommit();
	say("starting the server, its data in a temporary folder");
	const { child, ready } = await startServer(join(folder, "data"));
	children.push(child);
	say(`${ready.url} is up; making owner, repository and tokens`);
	const tokens = await prepare(ready);
	say("starting a runner for two jobs at once");
	children.push(startRunner(ready.url, tokens.runner));
	const connection = connectionTo({ url: ready.url, token: tokens.user, json: false }, io);
	say(`submitting examples/pipeline.json for commit ${commit.slice(0, 12)} of this clone\n`);
	const request: RunRequest = JSON.parse(await readFile(join(root, "examples/pipeline.json"), "utf8"));
	const source = { cloneUrl: `file://${root}`, commit };
	const { run } = await connection.client.runs.submit(repository, { ...request, source });
	const streamed = new StreamedLogs();
	const watched = watchToEnd(connection, io, { repository, run: run.id, onEvent: (event) => streamed.add(event) });
	await Promise.race([watched, hangs(connection, run.id)]);
	await compareLogs(connection, run.id, streamed);
	checkStory(await connection.client.runs.get(repository, run.id));
	say(`all as it should be, in ${((Date.now() - startedAt) / 1_000).toFixed(1)} s`);
	if (keeps) await keepUp(ready, tokens, run.id);
}

function headCommit(): string {
	try {
		return execFileSync("git", ["rev-parse", "--verify", "HEAD^{commit}"], {
			cwd: root,
			encoding: "utf8",
			stdio: ["ignore", "pipe", "ignore"],
		}).trim();
	} catch {
		throw new Error(`${root} must be a git clone with a commit: the demo runs a pipeline over its own source`);
	}
}

interface Tokens {
	user: string;
	runner: string;
}

async function prepare({ url, operatorToken }: { url: string; operatorToken: string }): Promise<Tokens> {
	const operator = createClient({ url, token: operatorToken });
	const { owner, repo } = repository;
	await operator.repositories.put(repository, { cloneUrl: `file://${root}` });
	const user = await operator.tokens.create({ owner, name: "demo", scopes: ["read", "write"], repos: [repo] });
	const runner = await operator.tokens.create({ owner, name: "demo runner", scopes: ["runner:register"] });
	return { user: user.token, runner: runner.token };
}

function startRunner(url: string, token: string): Child {
	const place = ["--pool", `${repository.owner}/default`, "--name", "demo", "--capacity", "2"];
	return new Child({
		words: ["runner", "start", ...place, "--work-dir", join(folder, "runner")],
		// Not among the words, where every user of the machine could read it.
		environment: { SPILLWAY_URL: url, SPILLWAY_TOKEN: token },
	});
}

/** Reads every attempt's log back from the archive and compares it with its record and with what was streamed. */
async function compareLogs(connection: Connection, id: string, streamed: StreamedLogs): Promise<void> {
	const { client, paint } = connection;
	const rows = [["archived log", "bytes", "SHA-256", ""].map(paint.faint)];
	const run = await untilSealed(connection, id);
	for (const job of run.jobs ?? []) {
		for (const { number, log } of job.attempts) {
			const name = `${job.key}, attempt ${number}`;
			if (log.state !== "sealed") throw new Error(`the log of ${name} is ${log.state}, not sealed`);
			const hash = createHash("sha256");
			let length = 0;
			const { body } = await client.attempts.log(repository, { job: job.id, attempt: number });
			for await (const bytes of body) {
				hash.update(bytes);
				length += bytes.length;
			}
			const archived = hash.digest("hex");
			if (archived !== log.sha256) throw new Error(`the archive of ${name} is not what its record says`);
			if (archived !== streamed.digest(job.key, number))
				throw new Error(`the archive of ${name} is not what was streamed`);
			rows.push([name, String(length), archived.slice(0, 16), paint.outcome("passed", "as streamed")]);
		}
	}
	io.out(`\n${table(rows)}\n`);
}

async function hangs({ client, paint }: Connection, id: string): Promise<never> {
	await sleep(demoMsMax, undefined, { ref: false });
	io.out(`\n${runSummary(await client.runs.get(repository, id), paint)}\n`);
	throw new Error(`the run did not end within ${demoMsMax / 1_000} s`);
}

async function untilSealed({ client }: Connection, id: string): Promise<Run> {
	for (const endsAt = Date.now() + sealedByMs; ; await sleep(100)) {
		const run = await client.runs.get(repository, id);
		const logs = (run.jobs ?? []).flatMap(({ attempts }) => attempts.map(({ log }) => log.state));
		if (Date.now() > endsAt || logs.every((state) => state !== "live" && state !== "sealing")) return run;
	}
}

/** What the pipeline was made to show. */
function checkStory({ outcome, jobs = [] }: Run): void {
	if (outcome !== "passed") throw new Error(`the run ${outcome}`);
	const [count, check, pack] = ["count", "check", "pack"].map(
		(key) => jobs.find((job) => job.key === key)?.attempts ?? [],
	);
	const first = check?.[0];
	if (check?.length !== 2 || first?.exitCode !== 75)
		throw new Error("the step that fails once was not retried as its rule says");
	const starts = [count, check, pack].map((attempts) => Date.parse(attempts?.[0]?.startedAt ?? ""));
	const ends = [count, check, pack].map((attempts) => Date.parse(attempts?.at(-1)?.finishedAt ?? ""));
	const [countStart = 0, checkStart = 0, packStart = 0] = starts;
	const [countEnd = 0, checkEnd = 0] = ends;
	if (Math.max(countStart, checkStart) > Math.min(countEnd, checkEnd))
		throw new Error("two jobs did not run side by side");
	if (packStart < Math.max(countEnd, checkEnd)) throw new Error("a job began before the jobs that it needs had ended");
}

async function keepUp({ url, operatorToken }: { url: string; operatorToken: string }, tokens: Tokens, run: string) {
	const path = `${repository.owner}/${repository.repo}`;
	io.out(`
It stays up until ctrl-c, which removes all of it. In another terminal, in this folder:

  export SPILLWAY_URL=${url} SPILLWAY_TOKEN=${tokens.user}
  npx spillway run start ${path} -f examples/pipeline.json --watch
  npx spillway run show ${path} ${run}
  curl -H "Authorization: Bearer $SPILLWAY_TOKEN" $SPILLWAY_URL/v1/repos/${path}/runs/${run}
  curl $SPILLWAY_URL/openapi.json

operator token   ${operatorToken}
runner token     ${tokens.runner}
`);
	await new Promise(() => {});
}

function say(text: string): void {
	io.out(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
