// A server whose database is gone or broken, or whose archive takes nothing: what is not shown is not true any less.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { startServer } from "../scripts/child.ts";
import type { Child, Ready } from "../scripts/child.ts";
import { createClient } from "../src/client/client.ts";
import { itLongAlone } from "./fixture-long.ts";
import { databaseFiles } from "./database-files.ts";
import { until } from "./fixture-until.ts";

let data: string;
let child: Child | null;
beforeEach(async () => {
	data = join(await mkdtemp(join(tmpdir(), "spillway-serve-")), "data");
	child = null;
});
afterEach(async () => {
	await child?.stop();
	await rm(join(data, ".."), { recursive: true });
});

async function start(): Promise<Ready> {
	const server = await startServer(data);
	child = server.child;
	return server.ready;
}

async function stop(): Promise<void> {
	await child?.stop();
	child = null;
}

const web = { owner: "acme", repo: "web" };

async function submit(url: string, token: string): Promise<number> {
	const response = await fetch(`${url}/v1/repos/acme/web/runs`, {
		method: "POST",
		headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
		body: JSON.stringify({ jobs: [{ key: "a", run: "true" }] }),
	});
	await response.arrayBuffer();
	return response.status;
}

async function readiness(url: string): Promise<string> {
	const { status, dependencies } = (await (await fetch(`${url}/readyz`)).json()) as {
		status: string;
		dependencies: Record<string, { status: string }>;
	};
	return [status, ...Object.entries(dependencies).map(([name, seen]) => `${name} ${seen.status}`)].join(", ");
}

async function aRevokedToken(): Promise<{ revoked: string; good: string }> {
	const { url, operatorToken } = await start();
	const client = createClient({ url, token: operatorToken });
	await client.repositories.put(web, {});
	const [{ token: revoked, id }, { token: good }] = [
		await client.tokens.create({ owner: "acme", name: "leaked", scopes: ["write"] }),
		await client.tokens.create({ owner: "acme", name: "kept", scopes: ["write"] }),
	];
	expect([await submit(url, revoked), await submit(url, good)]).toEqual([201, 201]);
	await client.tokens.revoke(id);
	expect(await submit(url, revoked)).toBe(401);
	expect(await readiness(url)).toBe("ok, database ok, archive ok, queues ok, objects ok, disk ok");
	await stop();
	return { revoked, good };
}

for (const [how, harm, seen] of [
	["gone", (file: string) => rm(file), "ok, database ok"],
	["broken", (file: string) => writeFile(file, "this is no database ".repeat(1_000)), "degraded, database down"],
] as const) {
	it(`[W59][A42] with the database ${how}, after a restart, a revoked token is none, the rest is accepted, and it is said`, async () => {
		const { revoked, good } = await aRevokedToken();
		const files = await databaseFiles(data);
		expect(files.length).toBeGreaterThan(0);
		for (const file of files) await harm(file);
		const { url } = await start();
		expect([await submit(url, revoked), await submit(url, good)]).toEqual([401, 201]);
		expect(await readiness(url)).toBe(`${seen}, archive ok, queues ok, objects ok, disk ok`);
	});
}

itLongAlone("[A66] an archive that can be read and takes nothing is down, until it takes something again", async () => {
	const first = await start();
	await createClient({ url: first.url, token: first.operatorToken }).repositories.put(web, {});
	await stop();
	const blobs = join(data, "r2", "spillway-archive", "blobs");
	await rm(blobs, { recursive: true, force: true });
	await writeFile(blobs, "no folder");
	const { url, operatorToken } = await start();
	expect(await readiness(url)).toBe("degraded, database ok, archive down, queues ok, objects ok, disk ok");
	expect(await submit(url, operatorToken)).toBe(201);
	await rm(blobs);
	await mkdir(blobs);
	await until("the archive is well", async () => (await readiness(url)).startsWith("ok, database ok, archive ok"));
});
