// Dead letters of a real server, by the real command line: messages that went through the queue and that the database refused, each
// as often as the queue gives it. The queue gives up sooner here than as it is delivered, where that takes a quarter of an hour.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child, startServer } from "../scripts/child.ts";
import type { Ready } from "../scripts/child.ts";
import { createClient } from "../src/client/client.ts";
import type { DeadLetter } from "../src/contracts/http/dead-letter.ts";
import { impatientBuild } from "./fixture-impatient-build.ts";
import { until } from "./fixture-until.ts";

const web = { owner: "acme", repo: "web" };

let folder: string;
let server: { child: Child; ready: Ready };
beforeEach(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-letters-"));
	server = await startServer(join(folder, "data"), { script: await impatientBuild(folder) });
});
afterEach(async () => {
	await server.child.stop();
	await rm(folder, { recursive: true });
});

/** Under the running server, as a hand would do it. */
async function inDatabase(statement: string): Promise<void> {
	const place = join(folder, "data/d1");
	const files = await readdir(place, { recursive: true });
	const file = files.find((name) => /[0-9a-f]{64}\.sqlite$/.test(name)) ?? expect.fail("there is a database");
	const database = new DatabaseSync(join(place, file));
	database.exec(`PRAGMA busy_timeout = 5000; ${statement}`);
	database.close();
}

async function command<T>(...words: string[]): Promise<{ code: number | null; told: T; complaint: string }> {
	const { url: SPILLWAY_URL, operatorToken: SPILLWAY_TOKEN } = server.ready;
	const child = new Child({ words: [...words, "--json"], environment: { SPILLWAY_URL, SPILLWAY_TOKEN } });
	let text = "";
	child.process.stdout?.setEncoding("utf8").on("data", (part: string) => {
		text += part;
	});
	const code = await child.end();
	return { code, told: text === "" ? (null as T) : JSON.parse(text), complaint: child.complaint };
}

const lettersOf = async () => (await command<{ items: DeadLetter[] }>("dead-letter", "list")).told.items;

it("[Q9][Q10] messages that the database refuses are listed, sent again once it takes them, or dropped", async () => {
	const { url, operatorToken: token } = server.ready;
	const client = createClient({ url, token });
	await client.repositories.put(web, {});
	await inDatabase(
		"CREATE TRIGGER poison BEFORE INSERT ON run WHEN NEW.ref = 'poison' BEGIN SELECT RAISE(ABORT, 'poisoned'); END",
	);
	const submit = async (ref: string) => {
		const source = { cloneUrl: "https://git.example/web.git", ref };
		return (await client.runs.submit(web, { source, jobs: [{ key: "a", run: "true" }] })).run.id;
	};
	const listed = async () => (await client.runs.list(web)).items.map(({ id }) => id);
	const poisoned = [await submit("poison"), await submit("poison")];
	const good = await submit("main");
	await until("the good one is listed", async () => (await listed()).includes(good));
	const letters = await until("both are given up", async () => {
		const found = await lettersOf();
		return found.length === 2 ? found : null;
	});
	expect(letters.map(({ queue, tries }) => `${queue} ${tries > 0}`)).toEqual(["events true", "events true"]);
	const runOf = ({ body }: DeadLetter) => (body as { run: { id: string } }).run.id;
	expect(letters.map(runOf).sort()).toEqual([...poisoned].sort());
	expect(await listed()).toEqual([good]);

	await inDatabase("DROP TRIGGER poison");
	const [again, dropped] = letters as [DeadLetter, DeadLetter];
	expect(await command("dead-letter", "redrive", again.id)).toMatchObject({ code: 0, told: { id: again.id } });
	// Sooner than the sweep would tell it, which needs no letter for that.
	await until("what was sent again is listed", async () => (await listed()).includes(runOf(again)), {
		withinMs: 12_000,
	});
	expect((await lettersOf()).map(({ id }) => id)).toEqual([dropped.id]);
	expect(await command("dead-letter", "drop", dropped.id)).toMatchObject({ code: 0, told: { id: dropped.id } });
	expect(await lettersOf()).toEqual([]);

	for (const act of ["redrive", "drop"]) {
		const gone = await command("dead-letter", act, dropped.id);
		expect([act, gone.code, gone.complaint]).toEqual([act, 4, expect.stringMatching(/^spillway: .*\n$/)]);
	}
	expect(await command("dead-letter", "redrive", "--all")).toMatchObject({ code: 0, told: { redriven: 0 } });
});
