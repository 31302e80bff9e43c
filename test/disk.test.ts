// The disk under the server fills, by its own writes and by others', on a file system of its own that is as small as it takes.
// Only root may mount one; elsewhere nothing of this is tried, and a line says so.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, rmdirSync } from "node:fs";
import { rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Child, startServer } from "../scripts/child.ts";
import type { Ready } from "../scripts/child.ts";
import { Outage } from "../src/contracts/wire/outage.ts";
import { ProblemError } from "../src/client/call-failure.ts";
import type { Client } from "../src/client/client.ts";
import { createClient } from "../src/client/client.ts";
import type { ReadinessAnswer } from "../src/doors/http/readiness.ts";
import type { RunRequest } from "../src/contracts/http/run.ts";
import { until } from "./fixture-until.ts";

const mib = 1_048_576;
const diskMib = 48;
const web = { owner: "acme", repo: "web" };
const request = { jobs: [{ key: "test", run: "seq 1 1000" }] } satisfies RunRequest;

const folder = join(tmpdir(), `spillway-disk-${process.pid}`);

function mountDisk(): boolean {
	mkdirSync(folder);
	const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${diskMib}m`, "tmpfs", folder], {
		stdio: "ignore",
	});
	if (status !== 0) rmdirSync(folder);
	return status === 0;
}

function unmountDisk(): void {
	execFileSync("umount", [folder]);
	rmdirSync(folder);
}

/** Tried and undone at once: tests are also only listed. */
const canMount = mountDisk();
if (canMount) unmountDisk();
else process.stderr.write("[X25][F13] not tried here: a full disk, for this user may not mount one\n");

let children: Child[];
beforeEach(() => {
	children = [];
});
afterEach(async () => {
	for (const child of children.reverse()) await child.stop();
	await clearUp();
});

async function start(reserveMib: number): Promise<{ child: Child; ready: Ready }> {
	const server = await startServer(join(folder, "data"), {
		environment: { SPILLWAY_DISK_RESERVE_MIB: String(reserveMib) },
	});
	children.push(server.child);
	return server;
}

/** Somebody else's file, so large that this much stays free. */
async function fill({ leaveBytes }: { leaveBytes: number }): Promise<void> {
	const { bavail, bsize } = await statfs(folder);
	// The server writes too meanwhile, so that "all" is found out by writing more.
	const bytes = leaveBytes === 0 ? diskMib * mib : bavail * bsize - leaveBytes;
	await writeFile(join(folder, "others"), Buffer.alloc(bytes)).catch((failure: NodeJS.ErrnoException) => {
		if (failure.code !== "ENOSPC") throw failure;
	});
}

async function clearUp(): Promise<void> {
	await rm(join(folder, "others"), { force: true });
}

function clientOf({ url, operatorToken }: Ready) {
	return createClient({ url, token: operatorToken, retry: { deadlineMs: 0 } });
}

async function refusalOf(call: Promise<unknown>): Promise<{ status: number; retryAfterSeconds: number | null } | null> {
	try {
		await call;
		return null;
	} catch (failure) {
		if (failure instanceof Outage) return null;
		if (!(failure instanceof ProblemError)) throw failure;
		return { status: failure.status, retryAfterSeconds: failure.retryAfterSeconds };
	}
}

async function registerRunner(ready: Ready): Promise<Child> {
	const scopes: "runner:register"[] = ["runner:register"];
	const { token } = await clientOf(ready).tokens.create({ owner: web.owner, name: "runners", scopes });
	const runner = new Child({
		words: [
			"runner",
			"start",
			"--pool",
			"acme/default",
			"--name",
			"one",
			"--work-dir",
			join(tmpdir(), `${folder.split("/").pop()}-runner`),
		],
		environment: { SPILLWAY_URL: ready.url, SPILLWAY_TOKEN: token },
	});
	children.push(runner);
	return runner;
}

describe.runIf(canMount)("a disk that fills", () => {
	beforeAll(() => void mountDisk());
	afterAll(async () => {
		unmountDisk();
		await rm(`${folder}-runner`, { recursive: true, force: true });
	});

	it("[X25][F13] shuts the door below the reserve, keeps what it has, and opens it when there is room", async () => {
		const { child, ready } = await start(16);
		const client = clientOf(ready);
		await client.repositories.put(web, {});
		const submit = (key: number) => client.runs.submit(web, request, { idempotencyKey: `key ${key}` });
		const accepted = [await submit(0)];
		await fill({ leaveBytes: 8 * mib });
		const refused = await until("a submission is refused", async () => {
			const refusal = await refusalOf(submit(accepted.length).then((answer) => accepted.push(answer)));
			return refusal;
		});
		expect(refused).toEqual({ status: 503, retryAfterSeconds: 10 });
		await untilReady(ready, "down");
		const shown = await client.runs.get(web, accepted[0]?.run.id ?? "");
		expect(shown).toMatchObject({ number: 1, state: "accepted" });
		expect(child.complaint).toContain('"event":"disk-room","room":"short"');
		expect(child.complaint).not.toContain('"fault"');
		await clearUp();
		await untilReady(ready, "ok");
		const taken = await until("a submission is taken", () => submit(accepted.length).catch(() => null));
		expect([taken.replayed, taken.run.number]).toEqual([false, accepted.length + 1]);
		await registerRunner(ready);
		for (const { run } of [...accepted, taken]) await untilPassed(client, run.id);
	});

	/** Without a reserve workerd itself meets the full disk, and may die of it. */
	it.each([16, 0])(
		"[X26][F13] at 0 bytes, of %i MiB reserved, it stays or ends; what it acknowledged is there",
		async (reserve) => {
			const { child, ready } = await start(reserve);
			const client = clientOf(ready);
			const repository = { owner: web.owner, repo: `reserve-${reserve}` };
			await client.repositories.put(repository, {});
			await registerRunner(ready);
			const before = await client.runs.submit(repository, request);
			await untilPassed(client, before.run.id, repository);
			await fill({ leaveBytes: 0 });
			const repositories = Array.from({ length: 30 }, (_, at) => ({ ...web, repo: `${repository.repo}-${at}` }));
			const acknowledged: (typeof web)[] = [];
			for (const name of repositories) {
				const put = client.repositories.put(name, {}).then(() => void acknowledged.push(name));
				const refused = await refusalOf(put);
				// What is asked while workerd is away gets no answer at all.
				if (child.isRunning) expect(refused?.status ?? 503).toBe(503);
			}
			expect(child.complaint).not.toContain('"fault"');
			await clearUp();
			const again = clientOf(child.isRunning ? ready : (await start(reserve)).ready);
			const taken = await until("a submission is taken", () =>
				again.runs.submit(repository, request).catch(() => null),
			);
			await untilPassed(again, taken.run.id, repository);
			for (const name of [repository, ...acknowledged]) expect(await again.repositories.get(name)).toMatchObject(name);
			expect(await again.runs.get(repository, before.run.id)).toMatchObject({ number: 1, outcome: "passed" });
		},
	);
});

async function untilPassed(client: Client, run: string, repository = web): Promise<void> {
	await until(`${run} has passed`, async () => (await client.runs.get(repository, run)).outcome === "passed");
}

async function untilReady({ url }: Ready, status: "ok" | "down"): Promise<void> {
	await until(`the disk is ${status}`, async () => {
		const answer = await fetch(`${url}/readyz`);
		const shown = (await answer.json()) as ReadinessAnswer;
		return answer.ok === (status === "ok") && shown.status === status && shown.dependencies.disk?.status === status;
	});
}
