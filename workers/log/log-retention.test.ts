// The end of sealed logs: deleted when their days are over, in slices, and said to be so.
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { send } from "../api/api-fixture.ts";
import { archiveKey } from "./archive.ts";
import { eventually, logOf, repoOf, sealNow, startLease } from "./log-fixture.ts";
import { deleteOldLogs } from "./log-retention.ts";

const dayMs = 24 * 60 * 60 * 1_000;

beforeEach(async () => {
	const { objects } = await env.ARCHIVE.list();
	await env.ARCHIVE.delete(objects.map(({ key }) => key));
});

async function aSealedLog(retentionDays: number): Promise<LeaseIdentity> {
	const lease = await startLease();
	const { owner, repo } = lease;
	orThrow(await repoOf(lease).configure({ owner, repo, request: { retentionDays }, replace: false }));
	await logOf(lease).append(lease, 0, new TextEncoder().encode("it was here"));
	const report = { outcome: "passed" as const, exitCode: 0, signal: null, reason: null, steps: [], logLength: 11 };
	orThrow(await repoOf(lease).finish(lease, { ...report, logSha256: null, retryAfterSeconds: null }));
	await eventually(async () => (await env.ARCHIVE.head(archiveKey(lease))) !== null);
	await sealNow(lease);
	return lease;
}

function pathOf({ owner, repo, job }: LeaseIdentity): string {
	return `/v1/repos/${owner}/${repo}/jobs/${job}`;
}

async function stateOf(lease: LeaseIdentity): Promise<string | undefined> {
	return orThrow(await repoOf(lease).job(lease.job)).attempts[0]?.log.state;
}

async function isThere(lease: LeaseIdentity): Promise<boolean> {
	return (await env.ARCHIVE.head(archiveKey(lease))) !== null;
}

describe("retention", () => {
	it("[L28] a log whose days are over is deleted and says so; another stays", async () => {
		const [short, long] = [await aSealedLog(1), await aSealedLog(30)];
		expect((await send("GET", `${pathOf(short)}/attempts/1/log/search?q=here`)).status).toBe(200);
		await deleteOldLogs(env, Date.now() + dayMs / 2);
		expect(await isThere(short)).toBe(true);
		await deleteOldLogs(env, Date.now() + 2 * dayMs);
		expect([await isThere(short), await isThere(long)]).toEqual([false, true]);
		expect([await stateOf(short), await stateOf(long)]).toEqual(["deleted", "sealed"]);
		const gone = await send<Problem>("GET", `${pathOf(short)}/attempts/1/log`);
		expect([gone.status, gone.body.code]).toEqual([410, "log-deleted"]);
	});

	it("[L28] a walk goes on where the slice before it ended, rests at its end, and leaves what could not be told", async () => {
		const leases = [await aSealedLog(1), await aSealedLog(1), await aSealedLog(1)];
		const list = vi.fn((options: R2ListOptions) => env.ARCHIVE.list({ ...options, limit: 1 }));
		const archive = new Proxy(env.ARCHIVE, {
			get(bucket, name) {
				const value = name === "list" ? list : Reflect.get(bucket, name);
				return typeof value === "function" ? value.bind(bucket) : value;
			},
		});
		const now = Date.now() + 2 * dayMs;
		const get = () => {
			throw new Error("the repository is down");
		};
		const silent = { idFromName: env.REPO.idFromName.bind(env.REPO), get } as unknown as typeof env.REPO;
		await deleteOldLogs({ ...env, ARCHIVE: archive, REPO: silent }, now);
		expect(await Promise.all(leases.map(isThere))).toEqual([true, true, true]);
		list.mockClear();
		await deleteOldLogs({ ...env, ARCHIVE: archive }, now + 1);
		expect(list).not.toHaveBeenCalled();
		await deleteOldLogs({ ...env, ARCHIVE: archive }, now + 2 * 60 * 60_000);
		expect(await Promise.all(leases.map(isThere))).toEqual([false, false, false]);
	});
});
