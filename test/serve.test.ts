// `npm start`'s server as a whole, in processes of its own: who may use a data folder, what survives, what is left behind.
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child, startServer } from "../scripts/child.ts";
import type { Ready } from "../scripts/child.ts";
import { createClient } from "../src/client/client.ts";
import { itLongAlone } from "./fixture-long.ts";
import { until } from "./fixture-until.ts";

let data: string;
let children: Child[];
beforeEach(async () => {
	data = join(await mkdtemp(join(tmpdir(), "spillway-serve-")), "data");
	children = [];
});
afterEach(async () => {
	for (const child of children) await child.stop();
	await rm(join(data, ".."), { recursive: true });
});

async function start(environment: NodeJS.ProcessEnv = {}): Promise<{ child: Child; ready: Ready }> {
	const server = await startServer(data, { environment });
	children.push(server.child);
	return server;
}

function clientOf({ url, operatorToken }: Ready) {
	return createClient({ url, token: operatorToken, retry: { deadlineMs: 5_000 } });
}

async function permissionsOf(file: string): Promise<number> {
	return (await stat(file)).mode & 0o777;
}

async function workerdPid(): Promise<number> {
	return Number(await readFile(join(data, "workerd-pid"), "utf8"));
}

/** Resolves when it is gone; a child that nobody has buried counts as gone. */
async function isGone(pid: number): Promise<boolean> {
	const line = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => "");
	if (line !== "") return line.slice(line.lastIndexOf(")") + 2).startsWith("Z");
	try {
		return !process.kill(pid, 0);
	} catch {
		return true;
	}
}

const web = { owner: "acme", repo: "web" };

it("[X9][X16] keys are made once, for the owner's eyes only, and used again after a stop in order", async () => {
	const first = await start();
	expect(await permissionsOf(data)).toBe(0o700);
	for (const file of ["operator-token", "signing-keys", "sealing-keys", "serving.json"]) {
		expect([file, await permissionsOf(join(data, file))]).toEqual([file, 0o600]);
	}
	const signingKeys = await readFile(join(data, "signing-keys"), "utf8");
	expect(signingKeys).toMatch(/^k1:[0-9a-f]{64}\n$/);
	await clientOf(first.ready).repositories.put(web, { maxRunning: 7 });
	const scopes: "read"[] = ["read"];
	const { token } = await clientOf(first.ready).tokens.create({ owner: "acme", name: "reader", scopes });
	const workerd = await workerdPid();
	await first.child.stop();
	expect(first.child.process.exitCode).toBe(0);
	expect(await isGone(workerd)).toBe(true);
	expect(await readdir(data)).not.toContain("serving.json");

	const second = await start();
	expect(second.ready.operatorToken).toBe(first.ready.operatorToken);
	expect(await readFile(join(data, "signing-keys"), "utf8")).toBe(signingKeys);
	const reader = createClient({ url: second.ready.url, token });
	expect(await reader.repositories.get(web)).toMatchObject({ maxRunning: 7 });
});

it("[X9][X10][X11] the environment's operator token wins; a second server is refused and the first goes on", async () => {
	const operatorToken = "an-operator-token-of-mine";
	const { ready } = await start({ SPILLWAY_OPERATOR_TOKEN: operatorToken });
	expect(ready.operatorToken).toBe(operatorToken);
	expect(await readdir(data)).not.toContain("operator-token");

	const second = new Child({ words: ["serve", "--port", "0", "--data", data] });
	expect(await second.end()).toBe(1);
	const text = `${data} is in use by another server (process ${ready.pid}, ${ready.url})`;
	expect(second.complaint).toBe(`spillway: ${text}\n`);

	const port = new URL(ready.url).port;
	const third = new Child({ words: ["serve", "--port", port, "--data", `${data}-other`] });
	expect(await third.end()).toBe(1);
	expect(third.complaint).toBe(`spillway: port ${port} of 127.0.0.1 is in use\n`);
	expect((await fetch(`${ready.url}/healthz`)).status).toBe(200);
});

it("[X12][X13] after kill -9 of the server the next one ends its workerd and has all that was acknowledged", async () => {
	const first = await start();
	const client = clientOf(first.ready);
	await client.repositories.put(web, {});
	const submit = (key: string) =>
		client.runs.submit(web, { jobs: [{ key: "test", run: "true" }] }, { idempotencyKey: key });
	const before = await Promise.all(["a", "b", "c"].map(submit));
	const workerd = await workerdPid();
	first.child.process.kill("SIGKILL");
	await first.child.end();
	expect(await isGone(workerd)).toBe(false);

	const second = await start();
	expect(await isGone(workerd)).toBe(true);
	expect(second.child.complaint).toContain(`ended workerd (process ${workerd})`);
	expect(second.child.complaint).not.toContain("applied migration");
	const after = clientOf(second.ready);
	const runs = await Promise.all(before.map(({ run }) => after.runs.get(web, run.id)));
	expect(runs.map(({ id, number }) => [id, number])).toEqual(before.map(({ run }) => [run.id, run.number]));
	const replay = await after.runs.submit(web, { jobs: [{ key: "test", run: "true" }] }, { idempotencyKey: "a" });
	expect([replay.replayed, replay.run.id]).toEqual([true, before[0]?.run.id]);
});

it("[X14] nothing of the runtime itself is reachable, whatever a request says that it is", async () => {
	const { ready } = await start();
	const paths = [
		"/cdn-cgi/local/r2/public/spillway-archive/anything",
		"/cdn-cgi/local/scheduled",
		"/cdn-cgi/local/explorer",
		"/cdn-cgi/local/platform-proxy",
	];
	for (const path of paths) {
		const answer = await fetch(ready.url + path, { headers: { "MF-Original-URL": `http://localhost${path}` } });
		expect([path, answer.status, answer.headers.get("content-type")]).toEqual([path, 404, "application/problem+json"]);
	}
});

it("[X11] a port that another program has is named, and the server ends", async () => {
	const other = createServer();
	await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
	const { port } = other.address() as AddressInfo;
	await expect(startServer(data, { port })).rejects.toThrow(`spillway: port ${port} of 127.0.0.1 is in use`);
	other.close();
});

itLongAlone(
	"[X26] a server whose workerd dies again and again ends with 1 and one line, and leaves nothing running",
	async () => {
		const { child } = await start();
		const killed = new Set<number>();
		await until("the server has ended", async () => {
			const pid = await workerdPid().catch(() => 0);
			if (pid > 0 && !killed.has(pid)) {
				killed.add(pid);
				process.kill(pid, "SIGKILL");
			}
			return !child.isRunning;
		});
		expect(await child.end()).toBe(1);
		// Miniflare gives up at once when workerd dies while it starts.
		const gone = "(workerd died 5 times within 60 s|http://127.0.0.1:\\d+ is closed, looked at 4 times)";
		expect(child.complaint).toMatch(new RegExp(`\nspillway: the server is gone: ${gone}\n$`));
		for (const pid of killed) expect(await isGone(pid)).toBe(true);
		expect(await readdir(data)).not.toContain("serving.json");
		expect((await start()).ready.operatorToken).toMatch(/^spw_operator_/);
	},
);

it("[X28] a data folder of a newer build is refused in one line, and the build that wrote it still starts on it", async () => {
	const first = await start();
	await clientOf(first.ready).repositories.put(web, { maxRunning: 5 });
	await first.child.stop();
	const file = join(data, "data-versions.json");
	const versions = await readFile(file, "utf8");
	await writeFile(file, JSON.stringify({ ...JSON.parse(versions), repository: 999 }));
	const refused = new Child({ words: ["serve", "--port", "0", "--data", data] });
	expect(await refused.end()).toBe(1);
	const line =
		/^spillway: \S+ holds data that this build does not know \(repository 999, this build knows \d+\): .+\n$/;
	expect(refused.complaint).toMatch(line);
	await writeFile(file, versions);
	const second = await start();
	expect(await clientOf(second.ready).repositories.get(web)).toMatchObject({ maxRunning: 5 });
});

it("[A63][A65] the audit says from where by the connection, or by a proxy that the operator trusts", async () => {
	const forged = {
		"x-forwarded-for": "8.8.8.8, 203.0.113.7, 10.0.0.5",
		"cf-connecting-ip": "9.9.9.9",
		"mf-cf-blob": JSON.stringify({ clientIp: "7.7.7.7:1" }),
	};
	for (const [trusted, from] of [
		["10.0.0.0/8,127.0.0.1", "203.0.113.7"],
		["10.0.0.0/8", "127.0.0.1"],
	] as const) {
		const { child, ready } = await start({ SPILLWAY_TRUSTED_PROXIES: trusted });
		const authorization = `Bearer ${ready.operatorToken}`;
		const body = JSON.stringify({ maxRunning: 3 });
		const put = await fetch(`${ready.url}/v1/repos/acme/web`, {
			method: "PUT",
			body,
			headers: { authorization, "content-type": "application/json", ...forged },
		});
		expect(put.ok).toBe(true);
		const acts = await until("the act is in the audit", async () => {
			const { items } = await clientOf(ready).audit.list({ owner: "acme" });
			return items.some((act) => act.from === from) && items;
		});
		expect(acts[0]).toMatchObject({ action: "repository-set", details: { maxRunning: 3 }, from });
		await child.stop();
	}
	const wrong = new Child({ words: ["serve", "--data", data, "--port", "0", "--trust-proxy", "example.org"] });
	expect(await wrong.end()).toBe(2);
});
