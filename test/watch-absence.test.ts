// A run that is followed from the command line while its server is killed and comes back: an upgrade must redden nobody.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child } from "../scripts/child.ts";
import { repository, Site } from "./fixture-site.ts";
import { until } from "./fixture-until.ts";

let site: Site;
const followers: Child[] = [];
beforeEach(async () => {
	site = await Site.open();
});
afterEach(async () => {
	for (const child of followers.splice(0)) await child.stop();
	await site.close();
});

/** What the command prints is collected from its first byte on. */
function follow(words: string[]): { child: Child; out: () => string } {
	const { url, operatorToken } = site.ready;
	const child = new Child({ words, environment: { SPILLWAY_URL: url, SPILLWAY_TOKEN: operatorToken } });
	followers.push(child);
	let out = "";
	child.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
		out += text;
	});
	return { child, out: () => out };
}

const times = (text: string, part: string) => text.split(part).length - 1;

it("[X23] [C17] what follows a run or a log sits through the server's absence, says so once, and ends as the run does", async () => {
	const go = join(site.folder, "go");
	const job = { key: "test", run: `echo o$((1))ne; until [ -e '${go}' ]; do sleep 0.05; done; echo t$((2))wo` };
	const { run } = await site.client.runs.submit(repository, { jobs: [job] });
	site.runner("one", { capacity: 1 });
	const id = run.jobs?.[0]?.id ?? "";
	const watch = follow(["run", "watch", "acme/web", run.id]);
	const log = follow(["job", "log", "-f", "acme/web", id]);
	for (const { out } of [watch, log]) await until("the first line", async () => out().includes("o1ne\n"));

	await site.end("group");
	for (const { child } of [watch, log]) {
		await until("the absence is said", async () => child.complaint.includes("the server is away"));
	}
	await site.start();
	await writeFile(go, "");
	for (const { child, out } of [watch, log]) {
		expect(await child.end(), child.complaint).toBe(0);
		expect([times(out(), "o1ne\n"), times(out(), "t2wo\n")]).toEqual([1, 1]);
		expect([times(child.complaint, "is away"), times(child.complaint, "is back")]).toEqual([1, 1]);
	}
});

it("[X24] an interrupted watch says that the run goes on and how to follow it again", async () => {
	const { run } = await site.client.runs.submit(repository, { jobs: [{ key: "test", run: "true" }] });
	const { child, out } = follow(["run", "watch", "acme/web", run.id, "--json"]);
	await until("the run is shown", async () => out().includes(run.id));
	child.process.kill("SIGINT");
	expect(await child.end()).toBe(130);
	expect(child.complaint).toContain(`the run goes on; follow it again with: spillway run watch acme/web ${run.id}\n`);
	expect((await site.client.runs.get(repository, run.id)).state).not.toBe("finished");
});
