// Recognisable secrets, of a repository and of its owner, through a day's acts on a real server with a real runner; then every
// file, line, row and answer is searched for them, as they are and as programs write them.
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { brotliDecompressSync, gunzipSync, inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Child, root, startServer } from "../scripts/child.ts";
import type { Ready } from "../scripts/child.ts";
import { control as stageControl } from "../scripts/release/player.ts";
import { stageBuild } from "../scripts/release/staged-build.ts";
import { freePort } from "../scripts/free-port.ts";
import { createClient, everyItem } from "../src/client/client.ts";
import type { Client } from "../src/client/client.ts";
import type { Run } from "../src/contracts/http/run.ts";
import { impatientBuild } from "./fixture-impatient-build.ts";
import { until } from "./fixture-until.ts";

const web = { owner: "acme", repo: "web" };
const dayMs = 86_400_000;
const acme = { owner: "acme", repo: null };
/** With what a URL, JSON, a shell and base64 write in other ways. */
const plant = (what: string) => `pl4nted/${what}+${randomBytes(12).toString("hex")}=&é"'x`;
const planted = {
	OWN: plant("own"),
	OWNERS: plant("owners"),
	ON_MAIN: plant("main"),
	OVERWRITTEN: plant("before"),
	FORGOTTEN: plant("forgotten"),
	REFUSED: plant("refused"),
};
/** Printed in the clear, titled and named: found everywhere, it shows that the search looks where it must. */
const control = `c0ntrol-${randomBytes(12).toString("hex")}`;

/** In each way that a runner masks, to both streams. */
const prints = ["OWN", "OWNERS", "ON_MAIN"]
	.map(
		(name) => `echo "$${name}"; echo "$${name}" >&2; (set -x; : "$${name}"); printf '%q\\n' "$${name}"
printf %s "$${name}" | base64 -w0; echo; printf 'user:%s' "$${name}" | base64
printf %s "$${name}" | od -An -v -tx1 | tr -d ' \\n'; echo
printf %s "$${name}" | perl -pe 's/([^A-Za-z0-9._~-])/sprintf("%%%02X", ord $1)/ge'; echo`,
	)
	.join("\n");
const names = ["OWN", "OWNERS", "ON_MAIN"];

let folder: string;
let port: number;
let script: string;
let server: { child: Child; ready: Ready };
let client: Client;
/** All that any process of the day wrote, and every answer that was read. */
const said: string[] = [];

function listen<C extends Child>(child: C): C {
	for (const stream of [child.process.stdout, child.process.stderr]) {
		stream?.setEncoding("utf8").on("data", (text: string) => void said.push(text));
	}
	return child;
}

async function up(): Promise<void> {
	server = await startServer(join(folder, "data"), { port, script });
	listen(server.child);
	client = createClient({ url: server.ready.url, token: server.ready.operatorToken });
}

async function command(...words: string[]): Promise<number | null> {
	const { url: SPILLWAY_URL, operatorToken: SPILLWAY_TOKEN } = server.ready;
	return listen(new Child({ words, environment: { SPILLWAY_URL, SPILLWAY_TOKEN } })).end();
}

let runner: Child;
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-planted-"));
	script = await impatientBuild(folder);
	port = await freePort();
	await up();
	await client.repositories.put(web, {});
	const { token } = await client.tokens.create({ owner: "acme", name: "runners", scopes: ["runner:register"] });
	const place = ["--pool", "acme/default", "--name", "one", "--work-dir", join(folder, "runner"), "--capacity", "4"];
	const environment = { SPILLWAY_URL: server.ready.url, SPILLWAY_TOKEN: token };
	runner = listen(new Child({ words: ["runner", "start", ...place], environment }));
});
afterAll(async () => {
	await runner.stop();
	await server.child.stop();
	await rm(folder, { recursive: true, force: true });
});

async function submit(jobs: object[], rest: object = {}): Promise<Run> {
	const request = { title: control, jobs: jobs as never, ...rest };
	return (await client.runs.submit(web, request)).run;
}

function job(key: string, rest: object = {}): object {
	return { key, run: `echo ${control}; ${prints}`, secrets: names, ...rest };
}

/** Once it is over and its logs are in the archive: how each of its jobs ended. */
async function ended({ id }: { id: string }): Promise<string> {
	return until(
		`the run ${id} is over`,
		async () => {
			const { state, jobs = [] } = await client.runs.get(web, id);
			const logs = jobs.flatMap(({ attempts }) => attempts.map(({ log }) => log.state));
			if (state !== "finished" || logs.some((log) => log === "live" || log === "sealing")) return null;
			return jobs.map(({ key, outcome }) => `${key} ${outcome}`).join(", ");
		},
		{ withinMs: 100_000 },
	);
}

async function runs(run: Run, key: string): Promise<void> {
	await until(`${key} runs`, async () => {
		const { jobs = [] } = await client.runs.get(web, run.id);
		return jobs.find((one) => one.key === key)?.state === "running";
	});
}

/** Without a source of its own: the runner fetches nothing. */
const onMain = { source: null };

/** What the day does, from setting the secrets to the last list. */
async function theDay(): Promise<void> {
	await client.secrets.put(web, { name: "OWN", value: planted.OVERWRITTEN });
	await client.secrets.put(web, { name: "OWN", value: planted.OWN });
	await client.secrets.put(acme, { name: "OWNERS", value: planted.OWNERS });
	await client.secrets.put(acme, { name: "ON_MAIN", value: planted.ON_MAIN });
	await client.secrets.put(web, { name: "FORGOTTEN", value: planted.FORGOTTEN });
	await client.secrets.delete(web, "FORGOTTEN");
	for (const body of [`{"value":"${planted.REFUSED}"`, `{"value":7,"${planted.REFUSED}":1}`, `${planted.REFUSED}`]) {
		await read("PUT", "/v1/repos/acme/web/secrets/OWN", body);
	}
	const failing = await submit([job("passes"), job("fails", { run: `${prints}\nexit 3` })], onMain);
	expect(await ended(failing)).toBe("passes passed, fails failed");
	expect(await command("run", "retry", "acme/web", failing.id)).toBe(0);
	expect(await ended(failing)).toBe("passes passed, fails failed");
	const endless = await submit([job("endless", { run: `${prints}\nsleep 1000` })], onMain);
	await runs(endless, "endless");
	expect(await command("run", "cancel", "acme/web", endless.id)).toBe(0);
	expect(await ended(endless)).toBe("endless canceled");
	await client.jobs.retryMatching(web, { outcome: ["failed"] });
	expect(await ended(failing)).toBe("passes passed, fails failed");
	const forks = await submit([job("forks")], { ...onMain, trigger: "pull_request" });
	expect(await ended(forks)).toBe("forks refused");
	await client.switches.patch({ spill: "always" });
	const spilled = await submit([job("spilled")], onMain);
	expect(spilled.state).toBe("accepted");
	await client.switches.patch({ spill: "auto" });
	expect(await ended(spilled)).toBe("spilled passed");
	await die();
	await poison();
	await changeKeys();
	await aWeekLater();
}

/** Killed in the midst of a job that prints: what was being written stays on disk as it was. */
async function die(): Promise<void> {
	const through = await submit([job("through", { run: `for i in $(seq 20); do ${prints}\nsleep 0.1; done` })], onMain);
	await runs(through, "through");
	const { pid } = server.child.process;
	if (pid === undefined) throw new Error("the server has no process");
	process.kill(-pid, "SIGKILL");
	await server.child.end();
	await up();
	expect(await ended(through)).toBe("through passed");
}

/** A message of the run that the database refuses becomes a dead letter. */
async function poison(): Promise<void> {
	const files = await readdir(join(folder, "data/d1"), { recursive: true });
	const file = files.find((name) => /[0-9a-f]{64}\.sqlite$/.test(name)) ?? expect.fail("there is a database");
	const database = new DatabaseSync(join(folder, "data/d1", file));
	database.exec(`PRAGMA busy_timeout = 5000;
		CREATE TRIGGER poison BEFORE INSERT ON run WHEN NEW.ref = 'poison' BEGIN SELECT RAISE(ABORT, 'poisoned'); END`);
	database.close();
	const cloneUrl = "https://git.invalid/web.git";
	await submit([job("poisoned", { labels: ["nobody"] })], { source: { cloneUrl, ref: "poison" } });
	await until("there is a dead letter", async () => (await client.deadLetters.list()).items.length > 0, {
		withinMs: 60_000,
	});
}

/** The server's key is changed, and all is sealed anew. */
async function changeKeys(): Promise<void> {
	await server.child.stop();
	const file = join(folder, "data/sealing-keys");
	const old = (await readFile(file, "utf8")).trim();
	const [oldId] = old.split(":");
	await writeFile(file, `knew:${randomBytes(32).toString("hex")},${old}\n`);
	await up();
	const before = said.length;
	expect(await command("secret", "rotate", "acme")).toBe(0);
	const told = said.slice(before).join("");
	expect(told).toContain("3 secrets were sealed anew by data key 2");
	expect(told).toContain(`sealing key ${oldId}: no secret of acme`);
	await server.child.stop();
	await writeFile(file, (await readFile(file, "utf8")).split(",")[0] ?? "");
	await up();
	expect(await ended(await submit([job("anew")], onMain))).toBe("anew passed");
}

/** What has ended is in the archive, and a run of it comes back to be run again. */
async function aWeekLater(): Promise<void> {
	const last = await submit([job("last")], onMain);
	expect(await ended(last)).toBe("last passed");
	await until("the list has the last run's end", async () => {
		const { items } = await client.runs.list(web, { limit: 10 });
		return items.some(({ id, state }) => id === last.id && state === "finished");
	});
	await server.child.stop();
	let days = 8;
	script = await stageBuild({ folder, dist: join(root, "dist"), offsetMs: days * dayMs });
	await up();
	await client.repositories.queue(web);
	await until("the last run is in the archive", async () => {
		await stageControl(server.ready, "wake");
		const keys = await stageControl<string[]>(server.ready, "archive", { prefix: "runs" });
		if (keys.some((key) => key.includes(last.id))) return true;
		// An object looks after its archive once a day.
		await stageControl(server.ready, "stage", { offsetMs: ++days * dayMs });
		return false;
	});
	await client.runs.retry(web, last.id, { only: "all" });
	expect(await ended(last)).toBe("last passed");
	expect((await client.runs.get(web, last.id)).jobs?.[0]?.attempts).toHaveLength(2);
}

async function read(method: string, path: string, body?: string): Promise<void> {
	const { url, operatorToken } = server.ready;
	const headers = { authorization: `Bearer ${operatorToken}`, "content-type": "application/json" };
	const answer = await fetch(`${url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
	said.push(JSON.stringify([...answer.headers]), await answer.text());
}

/** Every list, page and text that people may ask for. */
async function askForAll(): Promise<void> {
	const lists = ["secret list acme", "secret list acme/web", "run list acme/web", "audit list --owner acme"];
	const others = ["token list acme", "repo show acme/web", "pool show acme/default", "dead-letter list", "doctor"];
	for (const words of [...lists, ...others])
		for (const json of [[], ["--json"]]) await command(...words.split(" "), ...json);
	for (const path of ["/metrics", "/readyz", "/v1/audit", "/v1/switches", "/v1/repos?owner=acme"])
		await read("GET", path);
	for (const path of ["queue", "limits", "runs", "secrets"]) await read("GET", `/v1/repos/acme/web/${path}`);
	for await (const { id } of everyItem((cursor) => client.runs.list(web, { cursor }))) {
		await read("GET", `/v1/repos/acme/web/runs/${id}`);
		for (const one of (await client.runs.get(web, id)).jobs ?? []) {
			for (const { number } of one.attempts) {
				const log = `/v1/repos/acme/web/jobs/${one.id}/attempts/${number}/log`;
				for (const at of [log, `${log}?timestamps=1`, `${log}/search?q=${control}`]) await read("GET", at);
			}
		}
	}
}

interface Found {
	where: string;
	bytes: Buffer;
}

/** Every file below the folder as it is, and unpacked where it is packed. */
async function* files(): AsyncIterable<Found> {
	for (const name of await readdir(folder, { recursive: true, withFileTypes: true })) {
		const path = join(name.parentPath, name.name);
		if (!name.isFile() || /^.(build|staged-)/.test(path.slice(folder.length))) continue;
		const bytes = await readFile(path);
		yield { where: path, bytes };
		yield* unpacked(path, bytes);
		if (path.endsWith(".sqlite")) yield* rows(path);
	}
}

function* rows(path: string): Iterable<Found> {
	const database = new DatabaseSync(path, { readOnly: true });
	const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
	for (const { name } of tables) {
		const all = database.prepare(`SELECT * FROM "${String(name)}"`);
		all.setReadBigInts(true);
		for (const row of all.all()) {
			for (const [column, value] of Object.entries(row)) {
				if (value === null) continue;
				const bytes = value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value));
				yield { where: `${path} ${String(name)}.${column}`, bytes };
				yield* unpacked(`${path} ${String(name)}.${column}`, bytes);
			}
		}
	}
	database.close();
}

function* unpacked(where: string, bytes: Buffer): Iterable<Found> {
	for (const unpack of [gunzipSync, inflateRawSync, brotliDecompressSync]) {
		try {
			yield { where: `${where} (unpacked)`, bytes: unpack(bytes) };
		} catch {
			// It is not packed so.
		}
	}
}

/** As programs write it: in each, what comes before and after does not matter. */
function writings(value: string): Buffer[] {
	const bytes = Buffer.from(value);
	const inBase64 = [0, 1, 2].map((before) => {
		const text = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
		return text.slice(before === 0 ? 0 : 4, -4);
	});
	const hex = bytes.toString("hex");
	const url = encodeURIComponent(value);
	return [
		...[value, JSON.stringify(value).slice(1, -1), hex, hex.toUpperCase(), url, url.toLowerCase()],
		...inBase64,
		...inBase64.map((text) => text.replaceAll("+", "-").replaceAll("/", "_")),
		// Nor a part that is enough to know it by.
		value.slice(0, 24),
	].map((text) => Buffer.from(text));
}

it("[B38] after a day of acts, deaths and changed keys no file, log line, row, metric or answer has a secret", async () => {
	await theDay();
	await askForAll();
	const wanted = Object.entries(planted).flatMap(([name, value]) => writings(value).map((text) => ({ name, text })));
	const leaks = new Set<string>();
	const controls: string[] = [];
	const search = ({ where, bytes }: Found) => {
		for (const { name, text } of wanted) if (bytes.includes(text)) leaks.add(`${name} in ${where}: ${text}`);
		if (bytes.includes(control)) controls.push(where);
	};
	// While the server has them open, with what it has not taken into its files yet; then all that is left.
	for await (const found of files()) if (!found.where.endsWith(".sqlite")) search(found);
	await runner.stop();
	await server.child.stop();
	for await (const found of files()) search(found);
	search({ where: "said", bytes: Buffer.from(said.join("\n")) });
	expect([...leaks]).toEqual([]);
	for (const place of [/said/, /\/d1\/.*doc/, /\/do\/.*job|RepoObject/, /\/r2\/.*unpacked/, /-wal/]) {
		expect(controls.some((where) => place.test(where))).toBe(true);
	}
}, 400_000);
