// A person at the command line while a repository's object does not answer, on a real server: its file is broken, so each call of it
// fails, and every submission is spilled. Then the file is whole again, and what was spilled runs.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { Child } from "../scripts/child.ts";
import type { Run } from "../src/contracts/http/run.ts";
import { repository, Site } from "./fixture-site.ts";
import { itLong } from "./fixture-long.ts";
import { until } from "./fixture-until.ts";

let site: Site;
beforeEach(async () => {
	site = await Site.open();
});
afterEach(() => site.close());

/** What makes it whole again. The server must be stopped, before and after. */
async function breakRepository(): Promise<() => Promise<void>> {
	const folder = join(site.data, "do");
	const files = (await readdir(folder, { recursive: true })).filter((name) =>
		/RepoObject\/[0-9a-f]{64}\.sqlite/.test(name),
	);
	const kept = await Promise.all(
		files.map(async (name) => ({ path: join(folder, name), bytes: await readFile(join(folder, name)) })),
	);
	const main = kept.find(({ path }) => path.endsWith(".sqlite")) ?? expect.fail("the repository has a file");
	for (const { path } of kept) await rm(path);
	await writeFile(main.path, "this is no database ".repeat(1_000));
	return async () => {
		for (const { path, bytes } of kept) await writeFile(path, bytes);
	};
}

/** What a command said, and its exit code once it has ended. */
function command(...words: string[]) {
	const { url: SPILLWAY_URL, operatorToken: SPILLWAY_TOKEN } = site.ready;
	const child = new Child({ words, environment: { SPILLWAY_URL, SPILLWAY_TOKEN } });
	const said = { out: "" };
	child.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
		said.out += text;
	});
	const ended = child.end().then((code) => ({ code, out: said.out, err: child.complaint }));
	return { child, said, ended };
}

itLong(
	"[X51] run start says that a run was spilled, each command says something sensible of it, and a watch goes on to its end",
	async () => {
		const file = join(site.folder, "pipeline.json");
		await writeFile(file, JSON.stringify({ source: null, jobs: [{ key: "greet", run: "echo hello" }] }));
		await site.end("stop");
		const mend = await breakRepository();
		await site.start();
		const start = ["run", "start", "acme/web", "--file", file];
		const started = await command(...start, "--json").ended;
		expect([started.code, started.err]).toEqual([0, ""]);
		const run = JSON.parse(started.out) as Run;
		expect([run.spilled, run.number, run.jobs?.length]).toEqual([true, null, 1]);
		const told = await command(...start).ended;
		expect([told.code, told.out]).toEqual([
			0,
			expect.stringMatching(/^run r\w{24} accepted; its repository takes it as soon as it can\n$/),
		]);
		const other = told.out.split(" ")[1] ?? "";
		const watch = command("run", "watch", "acme/web", run.id);

		const shown = await command("run", "show", "acme/web", run.id).ended;
		expect([shown.code, shown.out]).toEqual([
			0,
			expect.stringMatching(new RegExp(`greet +waiting[^]*run ${run.id} accepted\n$`)),
		]);
		const listed = await command("run", "list", "acme/web").ended;
		expect([listed.code, listed.err]).toEqual([0, ""]);
		const log = await command("job", "log", "acme/web", run.jobs?.[0]?.id ?? "").ended;
		expect([log.code, log.err]).toEqual([1, "spillway: the job has no log yet: it has not started\n"]);
		const canceled = await command("run", "cancel", "acme/web", other).ended;
		expect([canceled.code, canceled.out]).toEqual([0, `run ${other} is being canceled\n`]);
		const retried = await command("run", "retry", "acme/web", run.id).ended;
		expect([retried.code, retried.err]).toEqual([
			4,
			expect.stringMatching(/^spillway: run-accepted: .*Try again in \d+ s\..*\n$/),
		]);

		await site.end("stop");
		await mend();
		await site.start();
		site.runner("one", { capacity: 1 });
		const watched = await watch.ended;
		expect([watched.code, watched.out]).toEqual([0, expect.stringMatching(/hello\n[\s\S]*run #\d+ r\w{24} passed in/)]);
		const after = await until("both have numbers", async () => {
			const both = await Promise.all([run.id, other].map((id) => site.client.runs.get(repository, id)));
			return both.every(({ number, state }) => number !== null && state === "finished") ? both : null;
		});
		expect(after.map(({ outcome }) => outcome)).toEqual(["passed", "canceled"]);
	},
);
