// One run through a client that was generated from the API's document: submit, follow to the end, read the log, retry.
// Needs SPILLWAY_URL, SPILLWAY_TOKEN (scopes read and write), and in SPILLWAY_CLONE_URL a repository whose branch `main` a runner can fetch.
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "./spillway.js";

type Run = components["schemas"]["Run"];
type Job = components["schemas"]["Job"];
type Problem = components["schemas"]["Problem"];

const { SPILLWAY_URL: baseUrl = "", SPILLWAY_TOKEN: token = "", SPILLWAY_CLONE_URL: cloneUrl = "" } = process.env;
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });
const place = { owner: "acme", repo: "generated" };
const key = `typescript-${Date.now()}`;

const submitted = good(
	await client.POST("/v1/repos/{owner}/{repo}/runs", {
		params: { path: place, header: { "Idempotency-Key": key } },
		body: {
			source: { cloneUrl, ref: "refs/heads/main" },
			title: "A run from TypeScript",
			jobs: [{ key: "test", run: 'cat README.md && test -n "$GREETING"', env: { GREETING: "hello" } }],
		},
	}),
);
const run = submitted.id;
let finished = await followed(1);
expect(finished.run.outcome === "passed", `the run ended as ${finished.run.outcome}`);
expect((await logOf(1)).includes("generated clients read this"), "the log has what the job printed");

good(
	await client.POST("/v1/repos/{owner}/{repo}/runs/{run}/retry", {
		params: { path: { ...place, run }, header: { "Idempotency-Key": `${key}-again` } },
		body: { only: "all", reason: "to see it twice" },
	}),
);
finished = await followed(2);
expect(finished.run.round === 2, `the run is in round ${finished.run.round}`);
expect((await logOf(2)).includes("generated clients read this"), "the second log has it too");

const refused = await client.POST("/v1/repos/{owner}/{repo}/runs", {
	params: { path: place },
	body: { source: { cloneUrl, ref: "-x" }, jobs: [{ key: "test", run: "true" }] },
});
const problem: Problem | undefined = refused.error;
expect(problem?.errors?.[0]?.path === "source.ref", "a ref that is none is refused with its path");
process.stdout.write(`typescript: run ${finished.run.number} ${finished.run.outcome} twice\n`);

/** Reads the live log until the job has ended, then the run and its job, once that has so many attempts. */
async function followed(attempts: number): Promise<{ run: Run; job: Job }> {
	const path = { ...place, run, job: "test" };
	const live = await client.GET("/v1/repos/{owner}/{repo}/runs/{run}/jobs/{job}/log/live", {
		params: { path },
		parseAs: "text",
	});
	expect(good(live).includes("event: complete"), "the live log comes to its end");
	for (;;) {
		const shown = good(
			await client.GET("/v1/repos/{owner}/{repo}/runs/{run}", { params: { path: { ...place, run } } }),
		);
		const job = shown.jobs?.[0];
		if (shown.state === "finished" && job?.attempts.length === attempts) return { run: shown, job };
		await sleep(200);
	}
}

async function logOf(attempt: number): Promise<string> {
	const path = { ...place, run, job: "test", attempt };
	return good(
		await client.GET("/v1/repos/{owner}/{repo}/runs/{run}/jobs/{job}/attempts/{attempt}/log", {
			params: { path },
			parseAs: "text",
		}),
	);
}

function good<T>({ data, error }: { data?: T; error?: Problem }): T {
	if (data === undefined) throw new Error(`${error?.code}: ${error?.detail}`);
	return data;
}

function expect(fact: boolean, words: string): void {
	if (!fact) throw new Error(`not so: ${words}`);
}
