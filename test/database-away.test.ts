// The database's files are taken away under a running server: its people go on by the command line and lose nothing, lists say that
// they are out of date, and become right again. Linux tells which files a server has open.
import { execFile } from "node:child_process";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it } from "vitest";
import { spillway } from "../scripts/child.ts";
import { isLong } from "../src/testing/long-form.ts";
import { itLongAlone } from "./fixture-long.ts";
import { databaseFiles, putDatabaseBack, takeDatabase } from "./database-files.ts";
import type { Harm } from "./database-files.ts";
import { Site } from "./fixture-site.ts";
import { until } from "./fixture-until.ts";

const run = promisify(execFile);

let site: Site;
beforeEach(async () => {
	site = await Site.open();
	const jobs = (run: string) => JSON.stringify([{ key: "test", run }]);
	await writeFile(join(site.folder, "quick.json"), jobs("echo it works"));
	await writeFile(join(site.folder, "long.json"), jobs("sleep 600"));
});
afterEach(() => site.close());

interface Said {
	code: number;
	out: string;
	err: string;
}

/** The real command line, as a person runs it. */
async function cli(...words: string[]): Promise<Said> {
	const { url, operatorToken } = site.ready;
	const environment = { ...process.env, SPILLWAY_URL: url, SPILLWAY_TOKEN: operatorToken, NO_COLOR: "1" };
	const ended = run(process.execPath, [spillway, ...words], { env: environment }).catch((failed) => failed);
	const { code = 0, stdout, stderr } = await ended;
	return { code, out: stdout, err: stderr };
}

async function good(...words: string[]): Promise<Said> {
	const said = await cli(...words);
	expect([...words, said.code, said.code === 0 ? "" : said.err]).toEqual([...words, 0, ""]);
	return said;
}

const start = (pipeline: string, ...more: string[]) =>
	good("run", "start", "acme/web", "-f", join(site.folder, pipeline), ...more);

async function readiness(): Promise<string> {
	const answer = (await (await fetch(`${site.ready.url}/readyz`)).json()) as {
		status: string;
		dependencies: Record<string, { status: string }>;
	};
	return `${answer.status}, database ${answer.dependencies.database?.status}`;
}

const outOfDate = /^spillway: this may be out of date: it was so at \S+\n$/;

/** What a person does with runs, none of which needs the database. */
async function submitRunWatchRetryCancel(): Promise<void> {
	const watched = await start("quick.json", "--watch");
	expect(watched.out).toContain("it works");
	expect((await good("job", "log", "acme/web", "latest/test")).out).toContain("it works");
	expect((await good("run", "show", "acme/web", "latest")).out).toContain("passed");
	await good("run", "retry", "acme/web", "latest", "--only", "all");
	const again = await good("run", "watch", "acme/web", "latest");
	expect(again.out).toContain("it works");
	await start("long.json");
	await until("the long run runs", async () =>
		(await good("run", "show", "acme/web", "latest")).out.includes("running"),
	);
	await good("run", "cancel", "acme/web", "latest");
	const ended = await cli("run", "watch", "acme/web", "latest");
	expect(ended.code).toBe(3);
}

async function listed(): Promise<{ outcomes: string[]; err: string }> {
	const { out, err } = await good("run", "list", "acme/web", "--json");
	return { outcomes: JSON.parse(out).items.map((item: { outcome: string | null }) => item.outcome), err };
}

// Each waits for the server to let go of the files, twice: the long form tries both.
it.each<Harm>(isLong ? ["gone", "broken"] : ["gone"])(
	"[M12] with its database's file %s, a running server takes, runs, shows, retries and cancels runs; lists say that they are out of date, and are right again with it",
	async (harm) => {
		site.runner("one", { capacity: 2 });
		await start("quick.json", "--watch");
		await until("the list has the first run", async () => (await listed()).outcomes[0] === "passed");
		await takeDatabase(site.data, harm);
		expect(await readiness()).toBe("degraded, database down");
		await submitRunWatchRetryCancel();
		const stale = await listed();
		expect(stale.outcomes).toEqual(["passed"]);
		expect(stale.err).toMatch(outOfDate);
		expect((await good("repo", "show", "acme/web")).out).toMatch(/lists are behind|not known yet/);
		await putDatabaseBack(site.data);
		await good("projection", "rebuild", "acme");
		// [K11] Until its pause is over the breaker answers with what was known.
		const right = await until("the list is not out of date", async () => {
			const shown = await listed();
			return shown.err === "" ? shown : null;
		});
		expect(right.outcomes).toEqual(["canceled", "passed", "passed"]);
		await until("the database is well", async () => (await readiness()) === "ok, database ok");
	},
	480_000,
);

itLongAlone(
	"[M13] a server that is started without its database's file begins an empty one; lists say so until a rebuild has brought all back",
	async () => {
		site.runner("one", { capacity: 2 });
		await start("quick.json", "--watch");
		await until("the list has the run", async () => (await listed()).outcomes[0] === "passed");
		const tokens = (await good("token", "list", "acme")).out;
		await site.end("stop");
		for (const file of await databaseFiles(site.data)) await rm(file);
		await site.start();
		expect(await readiness()).toBe("ok, database ok");
		const stale = await listed();
		expect(stale.outcomes).toEqual([]);
		expect(stale.err).toMatch(outOfDate);
		await start("quick.json", "--watch");
		await site.end("stop");
		await site.start();
		expect((await listed()).err).toMatch(outOfDate);
		await good("projection", "rebuild", "acme");
		expect(await listed()).toEqual({ outcomes: ["passed", "passed"], err: "" });
		expect((await good("repo", "list", "acme")).err).toBe("");
		expect((await good("pool", "list", "acme")).out).toContain("acme/default");
		expect((await good("token", "list", "acme")).out).toBe(tokens);
	},
);
