// Tickets: what one opens, for whom, how often and how long.
import { afterEach, expect, it, vi } from "vitest";
import type { Run } from "../../src/contracts/http/run.ts";
import type { Place } from "./api-fixture.ts";
import {
	aRepo,
	aRepoOf,
	aRunner,
	aToken,
	fetchRaw,
	finish,
	grantOf,
	job,
	lease,
	makeToken,
	operator,
	refusal,
	send,
	submit,
} from "./api-fixture.ts";

afterEach(() => {
	vi.useRealTimers();
});

async function ticketOf(token: string): Promise<string> {
	const { status, body } = await send<{ ticket: string; expiresAt: string }>("POST", "/v1/tickets", { token });
	expect(status).toBe(201);
	expect(body.ticket).toMatch(/^spw_ticket_[\w-]+_[0-9a-f]{64}$/);
	return body.ticket;
}

const socket = { token: null, headers: { upgrade: "websocket" } };

/** 101 when the socket opened, which is closed again; else why not. */
async function open(path: string, ticket: string): Promise<string> {
	const at = `${path}?ticket=${ticket}`;
	const response = await fetchRaw("GET", at, socket);
	if (response.status !== 101) return `${response.status} ${((await response.json()) as { code: string }).code}`;
	response.webSocket?.accept();
	response.webSocket?.close(1_000, "seen");
	return "101";
}

/** The three sockets of a job that has ended. */
async function sockets(place: Place): Promise<{ run: Run; paths: string[] }> {
	const run = await submit(place, [job("a")]);
	const grant = await grantOf(await aRunner(place));
	await lease("start", grant);
	await finish(grant);
	const shown = `${place.path}/jobs/${grant.job.id}`;
	const paths = [`${place.path}/runs/${run.id}/events`, `${shown}/attempts/1/log/live`, `${shown}/log/live`];
	return { run, paths };
}

it("[B15] it opens each kind of socket, once", async () => {
	const place = await aRepo();
	const { paths } = await sockets(place);
	for (const token of [await aToken(place.owner, ["read"]), operator]) {
		for (const path of paths) {
			const ticket = await ticketOf(token);
			expect([path, await open(path, ticket)]).toEqual([path, "101"]);
			expect([path, await open(path, ticket)]).toEqual([path, "401 unauthorized"]);
		}
	}
});

it("[B15] it is good for nothing else: no plain request, no other route, no header", async () => {
	const place = await aRepo();
	const { run, paths } = await sockets(place);
	const ticket = await ticketOf(await aToken(place.owner, ["read", "write", "admin"]));
	for (const path of [...paths, place.path, `${place.path}/runs/${run.id}`, `${place.path}/runs`]) {
		expect(await refusal("GET", `${path}?ticket=${ticket}`, { token: null })).toBe("401 unauthorized");
		expect(await refusal("GET", path, { token: ticket })).toBe("401 unauthorized");
	}
	for (const path of [place.path, `${place.path}/runs/${run.id}`, "/v1/runner/session", "/v1/lease/log/feed"]) {
		expect(await refusal("GET", `${path}?ticket=${ticket}`, socket)).toBe("401 unauthorized");
	}
	expect(await refusal("POST", "/v1/tickets", { token: ticket })).toBe("401 unauthorized");
	const flipped = ticket.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
	for (const bad of ["", "x", flipped, await aToken(place.owner, ["read"])]) {
		expect(await open(paths[0] ?? "", bad)).toBe("401 unauthorized");
	}
	expect(await open(paths[0] ?? "", ticket)).toBe("101");
});

it("[B15] it reaches what its maker may read, and no further", async () => {
	const place = await aRepo();
	const { paths } = await sockets(place);
	const [events = ""] = paths;
	const other = await aRepo();
	expect(await open(events, await ticketOf(await aToken(other.owner, ["read"])))).toBe("404 unknown");
	await aRepoOf(place.owner, "other");
	const limited = await aToken(place.owner, ["read"], { repos: ["other"] });
	expect(await open(events, await ticketOf(limited))).toBe("404 unknown");
	const writer = await aToken(place.owner, ["write"]);
	expect(await refusal("POST", "/v1/tickets", { token: writer })).toBe("403 scope-missing");
	expect(await refusal("POST", "/v1/tickets", { token: null })).toBe("401 unauthorized");
	expect(await refusal("POST", "/v1/tickets", { body: { path: events } })).toBe("400 path");
});

it("[B15] after a minute it is none", async () => {
	const place = await aRepo();
	const { paths } = await sockets(place);
	const [early, late] = [await ticketOf(operator), await ticketOf(operator)];
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 59_000 });
	expect(await open(paths[0] ?? "", early)).toBe("101");
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2_000 });
	expect(await open(paths[0] ?? "", late)).toBe("401 unauthorized");
});

it("[B16] it ends with its token: revoked, or expired", async () => {
	const place = await aRepo();
	const { paths } = await sockets(place);
	const { id, token } = await makeToken(place.owner, ["read"]);
	const ticket = await ticketOf(token);
	expect((await send("DELETE", `/v1/tokens/${id}`)).status).toBe(204);
	expect(await open(paths[0] ?? "", ticket)).toBe("401 unauthorized");
	const expiresAt = new Date(Date.now() + 5_000).toISOString();
	const brief = await ticketOf(await aToken(place.owner, ["read"], { expiresAt }));
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 6_000 });
	expect(await open(paths[0] ?? "", brief)).toBe("401 unauthorized");
});
