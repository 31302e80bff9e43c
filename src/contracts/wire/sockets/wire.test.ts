// The private protocols between the Worker and the objects: what one side writes the other side reads.
import { describe, expect, it } from "vitest";
import type { LeaseIdentity, RunnerIdentity } from "../../objects/objects.ts";
import { parseRestsOn } from "./stream-token.ts";
import type { StreamRest } from "./stream-token.ts";
import * as closeCodes from "./close-code.ts";
import {
	uploadSocketRequest,
	noUploadSocket,
	readUploadSocketRequest,
	readNoUploadSocket,
} from "./upload-socket-request.ts";
import { logViewRequest, noLogView, readLogViewRequest, readNoLogView } from "./log-view-request.ts";
import {
	feedObjectName,
	logObjectName,
	ownerObjectName,
	poolObjectName,
	readFeedObjectName,
	readLogObjectName,
	readPoolObjectName,
	readRepoObjectName,
	repoObjectName,
} from "../object-name.ts";
import { connectRequest, noRunnerSocket, readConnect, readNoRunnerSocket } from "./runner-socket.ts";
import { noRunWatch, readNoRunWatch, readRunWatchRequest, runWatchRequest } from "./run-watch-request.ts";
import { isUpgrade, upgradeRequest } from "./upgrade.ts";

const runner: RunnerIdentity = {
	...{ id: "rn1", name: "größe 🚀", owner: "acme", pool: "default", shard: 0 },
	...{ labels: ["linux"], capacity: 1, ephemeral: false },
};
const token = { kind: "token" as const, owner: "acme", token: "t1", expiresAt: 1_800_000_000_000 };
const lasting = { ...token, expiresAt: null };
const session = { kind: "session" as const, holder: "pe1", session: "se1", expiresAt: 1_800_000_000_000 };
const person = { ...session, membership: { owner: "acme", version: 7 } };
const opened = { ...session, holder: "/token/tk1", membership: null };
const lease: LeaseIdentity = {
	...{ owner: "acme", repo: "web", pool: "default", shard: 0 },
	...{ job: "jaaaaaaaaaaaaaaaaaaaaaaaa-0", attempt: 2, epoch: 7 },
};

/** An object knows whose tokens they are. */
function held(rests: readonly StreamRest[]) {
	return rests.map((rest) => {
		if (rest.kind === "session") return rest;
		const { owner, ...kept } = rest;
		return kept;
	});
}

describe("requests between the Worker and the objects", () => {
	it("[L38] whoever asks for a WebSocket is recognised by one test, however the word is written", () => {
		expect(isUpgrade(upgradeRequest("https://log/"))).toBe(true);
		expect(isUpgrade({ headers: new Headers({ upgrade: "WebSocket" }) })).toBe(true);
		expect(isUpgrade({ headers: new Headers({ upgrade: "h2c" }) })).toBe(false);
		expect(isUpgrade({ headers: new Headers() })).toBe(false);
	});

	it("[L38] a log's object reads the viewer's request as the Worker wrote it, and the Worker reads why there is no socket", () => {
		for (const call of [
			{ from: 0, hasBegun: false, rests: [] },
			{ from: 2 ** 40, hasBegun: true, rests: [token] },
			{ from: 7, hasBegun: true, rests: [lasting] },
			{ from: 7, hasBegun: true, rests: [person] },
			{ from: 7, hasBegun: true, rests: [token, opened] },
		]) {
			const request = logViewRequest(call);
			const { restsOn, ...read } = readLogViewRequest(request);
			expect({ ...read, rests: restsOn.map(parseRestsOn) }).toEqual({ ...call, rests: held(call.rests) });
			expect(isUpgrade(request)).toBe(true);
			expect(readUploadSocketRequest(request)).toBeNull();
		}
		for (const why of ["log-elsewhere", "past-end", "viewers-max"] as const) {
			expect(readNoLogView(noLogView(why))).toBe(why);
		}
		expect(readNoLogView({ status: 101 })).toBeNull();
	});

	it("[L38] a log's object reads the lease of the runner that uploads to it, and the Worker reads the refusal", async () => {
		expect(readUploadSocketRequest(uploadSocketRequest(lease))).toEqual(lease);
		expect(await readNoUploadSocket(noUploadSocket({ code: "lease-stale" }))).toEqual({ code: "lease-stale" });
		expect(await readNoUploadSocket(new Response(null, { status: 200 }))).toBeNull();
	});

	it("[L38] a pool reads the runner as the Worker wrote it, whatever its name, and the Worker reads the refusal", async () => {
		for (const connect of [
			{ kind: "session" as const, runner },
			{ kind: "poll" as const, runner, named: null },
			{ kind: "poll" as const, runner, named: [`${lease.job}.${lease.epoch}`] },
		]) {
			const request = connectRequest(connect);
			expect(isUpgrade(request)).toBe(true);
			expect(readConnect(request)).toEqual(connect);
		}
		expect(await readNoRunnerSocket(noRunnerSocket({ code: "runner-removed" }))).toEqual({ code: "runner-removed" });
		for (const status of [200, 500]) expect(await readNoRunnerSocket(new Response(null, { status }))).toBeNull();
	});

	it("[L38] a run's feed reads the watcher's request as the Worker wrote it, and the Worker reads why there is no socket", async () => {
		for (const call of [
			{ after: null, rests: [] },
			{ after: 0, rests: [] },
			{ after: null, rests: [token] },
			{ after: 1_800_000_000_001, rests: [lasting, opened] },
			{ after: 3, rests: [person] },
		]) {
			const { after, restsOn } = readRunWatchRequest(runWatchRequest(call));
			expect({ after, rests: restsOn.map(parseRestsOn) }).toEqual({ after: call.after, rests: held(call.rests) });
		}
		for (const no of [
			{ why: "refused" as const, refusal: { code: "run-unknown" as const } },
			{ why: "events-compacted" as const },
			{ why: "watchers-max" as const },
		]) {
			expect(await readNoRunWatch(noRunWatch(no))).toEqual(no);
		}
		expect(await readNoRunWatch(new Response(null, { status: 200 }))).toBeNull();
	});
});

describe("names of objects", () => {
	it("[L39] a name reads as it was written, and what is no name of its kind is a fault", () => {
		const [log, feed, pool] = [
			{ owner: "acme", repo: "web", job: lease.job, attempt: 12 },
			{ owner: "acme", repo: "web", run: "raaaaaaaaaaaaaaaaaaaaaaaa" },
			{ owner: "acme", pool: "default", shard: 0 },
		];
		const repo = { owner: "acme", repo: "web" };
		expect(readRepoObjectName(repoObjectName({ ...repo, more: 1 } as typeof repo))).toEqual(repo);
		expect(readLogObjectName(logObjectName(log))).toEqual(log);
		expect(readFeedObjectName(feedObjectName(feed))).toEqual(feed);
		expect(readPoolObjectName(poolObjectName(pool))).toEqual(pool);
		for (const read of [readRepoObjectName, readLogObjectName, readFeedObjectName, readPoolObjectName]) {
			for (const name of ["", "acme", "acme/", "acme/web/x/1/2"]) expect(() => read(name)).toThrow("is named");
		}
		expect(new Set([ownerObjectName(null), ownerObjectName("operator"), ownerObjectName("acme")]).size).toBe(3);
	});
});

describe("close codes", () => {
	it("[L40] each code that a WebSocket is closed with has one name and one meaning", () => {
		const { refusedCloseCode, ...named } = closeCodes;
		const codes = Object.values(named);
		expect(new Set(codes).size).toBe(codes.length);
		expect(codes.every((code) => (code >= 1_000 && code <= 1_015) || (code >= 4_000 && code <= 4_999))).toBe(true);
		expect([refusedCloseCode(409), refusedCloseCode(413)]).toEqual([4_409, 4_413]);
	});
});
