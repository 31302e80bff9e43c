// The server goes away in the middle of things, in every way a server can, and comes back on the same data.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { viewLog } from "../src/client/log-viewer.ts";
import type { Run, RunRequest } from "../src/contracts/http/run.ts";
import type { Death } from "./fixture-site.ts";
import { headingOf, repository, Site } from "./fixture-site.ts";

let site: Site;
beforeEach(async () => {
	site = await Site.open();
});
afterEach(() => site.close());

/** Prints a line every moment until the file `go` is there, then leaves how many in `count`. */
function steady(): string {
	const [go, count] = [join(site.folder, "go"), join(site.folder, "count")];
	const line = "i=$((i + 1)); printf 'line %06d of a job that goes on and on\\n' $i; sleep 0.02";
	return `i=0; until [ -e '${go}' ]; do ${line}; done; printf %d $i > '${count}'`;
}

/** What `steady` has printed, byte for byte. */
async function printed(): Promise<string> {
	const count = Number(await readFile(join(site.folder, "count"), "utf8"));
	const line = (number: number) => `line ${String(number).padStart(6, "0")} of a job that goes on and on\n`;
	return Array.from({ length: count }, (_, at) => line(at + 1)).join("");
}

/** What a viewer gets who was there all the time. */
async function watched(job: string): Promise<string> {
	const { url, operatorToken: token } = site.ready;
	const parts: Uint8Array[] = [];
	for await (const event of viewLog({ url, token, repository, job, attempt: 1 })) {
		if (event.type === "output") parts.push(event.bytes);
	}
	return Buffer.concat(parts).toString();
}

const table: { rules: string; what: string; death: Death }[] = [
	{ rules: "[F1]", what: "killed, all of it", death: "group" },
	{ rules: "[F1]", what: "killed, its Node alone", death: "parent" },
	{ rules: "[F2]", what: "told to stop", death: "stop" },
];

it.each(table)("$rules a server $what, in the middle of a run, loses nothing of it", async ({ death }) => {
	const { client } = site;
	const requests: Record<string, RunRequest> = {
		steady: {
			jobs: [
				{ key: "steady", steps: [{ name: "print", run: steady() }] },
				{ key: "after", needs: ["steady"], run: "echo after" },
			],
		},
		waiting: { jobs: [{ key: "waiting", run: "echo waited" }] },
		other: { jobs: [{ key: "other", run: "exit 3" }] },
	};
	const submitAll = () =>
		Promise.all(
			Object.entries(requests).map(([idempotencyKey, request]) =>
				client.runs.submit(repository, request, { idempotencyKey }),
			),
		);
	// The first alone, so that the one slot is its.
	const first = await client.runs.submit(repository, requests.steady as RunRequest, { idempotencyKey: "steady" });
	site.runner("one", { capacity: 1 });
	const name = { job: first.run.jobs?.[0]?.id ?? "", attempt: 1 };
	await site.untilLog(name, { longer: 2_000 });
	const accepted = await submitAll();
	const seen = watched(name.job);

	await site.end(death);
	await site.start();
	const stored = (await site.log(name)).length;
	await site.untilLog(name, { longer: stored + 2_000 });
	await writeFile(join(site.folder, "go"), "");

	const runs = await Promise.all(accepted.map(({ run }) => site.settled(run.id)));
	expect(runs.map(({ number, outcome }) => [number, outcome])).toEqual([
		[1, "passed"],
		[2, "passed"],
		[3, "failed"],
	]);
	const listed = await site.listed(runs.length);
	const shown = (all: readonly Run[]) => new Map(all.map(({ id, number, outcome }) => [id, [number, outcome]]));
	expect(shown(listed)).toEqual(shown(runs));
	const jobs = runs.flatMap((run) => run.jobs);
	expect(jobs.map(({ key, attempts }) => [key, attempts.length, attempts[0]?.exitCode])).toEqual([
		["steady", 1, 0],
		["after", 1, 0],
		["waiting", 1, 0],
		["other", 1, 3],
	]);
	const logs = await Promise.all(jobs.map(async (job) => job.attempts[0] && site.wholeLog(job, job.attempts[0])));
	const output = headingOf("print") + (await printed());
	expect(logs.map(String)).toEqual([
		output,
		`${headingOf("step 1")}after\n`,
		`${headingOf("step 1")}waited\n`,
		headingOf("step 1"),
	]);
	expect(await seen).toBe(output);

	const again = await submitAll();
	expect(again.map(({ replayed, run }) => [replayed, run.id, run.state])).toEqual(
		accepted.map(({ run }) => [true, run.id, "finished"]),
	);
});
