// Who and what the matrix is about: an owner with two repositories, another owner with one, in each repository a finished run and
// one whose job runs; and one caller of every kind, each with the facts by which the table says what may be asked.
import { env } from "cloudflare:workers";
import { expect, vi } from "vitest";
import { parseKeys, signToken } from "../../../src/auth/token.ts";
import type { Scope } from "../../../src/contracts/http/token.ts";
import { scope } from "../../../src/contracts/http/token.ts";
import {
	aRepoOf,
	aRunner,
	aToken,
	append,
	fetchRaw,
	finish,
	grantOf,
	job,
	lease,
	makeToken,
	operator,
	poolOf,
	send,
	submit,
} from "../api-fixture.ts";
import type { Credential, Target } from "./matrix-calls.ts";
import type { Facts } from "./matrix-expected.ts";

export interface CallerInMatrix {
	name: string;
	facts: Facts;
	/** For one call: a ticket is good once. */
	bring(): Promise<Credential>;
}

/** Of one repository. */
export interface Place extends Target {
	path: string;
	/** Of the job that runs, in the run that is the target. */
	lease: string;
	/** Of a job that has finished, in another run. */
	leaseOver: string;
}

export interface Scene {
	home: Place;
	/** The other repository of the same owner. */
	sibling: Place;
	/** Another owner's. */
	foreign: Place;
	callers: CallerInMatrix[];
}

/** Nothing of it is there, at the owner of each place and elsewhere. */
export const absent: Omit<Target, "owner"> = {
	repo: "nothing",
	run: `r${"a".repeat(24)}`,
	job: `j${"a".repeat(24)}-0`,
	attempt: "7",
	pool: "nothing",
	runner: `rn${"0".repeat(20)}`,
	name: "NOTHING",
	id: `tk${"0".repeat(20)}`,
	member: "absent@example.com",
	letter: "dl1",
	token: `spw_access_${"0".repeat(20)}`,
};

async function aPlace(owner: string, repo: string): Promise<Place> {
	const place = await aRepoOf(owner, repo);
	for (const at of [place.path, `/v1/owners/${owner}`]) {
		await send("PUT", `${at}/secrets/KEY`, { body: { value: "x" } });
	}
	await send("PUT", `/v1/owners/${owner}/members/eve@example.com`, { body: { role: "viewer" } });
	const runner = await aRunner(place, { capacity: 4 }, repo);
	const begin = async (key: string) => {
		const run = await submit(place, [job(key, { pool: repo })]);
		const grant = await grantOf(runner);
		await lease("start", grant);
		await append(grant, 0, "x\n");
		return { run, grant };
	};
	const over = await begin("over");
	await finish(over.grant, "passed", { logLength: 2 });
	const live = await begin("live");
	return {
		...place,
		run: live.run.id,
		job: live.grant.job.id,
		attempt: "1",
		pool: repo,
		runner: (await aRunner(place, {}, repo)).id,
		name: "KEY",
		id: (await makeToken(owner, ["read"])).id,
		token: await aToken(owner, ["read"]),
		member: "eve@example.com",
		letter: absent.letter,
		lease: live.grant.lease.token,
		leaseOver: over.grant.lease.token,
	};
}

const everyScope = scope.options;

export async function aScene(ada: string, eve: string): Promise<Scene> {
	const home = await aPlace(ada, "web");
	const sibling = await aPlace(ada, "other");
	const foreign = await aPlace(eve, "web");
	const callers = [
		plain("the operator", { kind: "operator" }, operator),
		...(await tokensOf(ada)),
		...(await ticketsOf(ada)),
		...(await runnersOf(home, foreign)),
		...leasesOf(home, sibling, foreign),
		...(await nobodies(ada, home)),
	];
	return { home, sibling, foreign, callers };
}

function plain(name: string, facts: Facts, token: string): CallerInMatrix {
	return { name, facts, bring: async () => ({ token }) };
}

function tokensOf(owner: string): Promise<CallerInMatrix[]> {
	const kinds: [string, Scope[], string[] | null][] = [
		...everyScope.map((one): [string, Scope[], null] => [`a token with the scope ${one}`, [one], null]),
		["a token with every scope", everyScope, null],
		["a token with every scope for one repository", everyScope, ["web"]],
	];
	return Promise.all(
		kinds.map(async ([name, scopes, repos]) => {
			const token = await aToken(owner, scopes, repos === null ? {} : { repos });
			return plain(name, { kind: "access", owner, scopes, repos }, token);
		}),
	);
}

async function ticketsOf(owner: string): Promise<CallerInMatrix[]> {
	const kinds: [string, string[] | null][] = [
		["a ticket", null],
		["a ticket of a token for one repository", ["web"]],
	];
	return Promise.all(
		kinds.map(async ([name, repos]) => {
			const token = await aToken(owner, ["read"], repos === null ? {} : { repos });
			const bring = async () => {
				const { body } = await send<{ ticket: string }>("POST", "/v1/tickets", { token });
				return { ticket: body.ticket };
			};
			return { name, facts: { kind: "ticket", owner, scopes: ["read"], repos } as const, bring };
		}),
	);
}

async function runnersOf(home: Place, foreign: Place): Promise<CallerInMatrix[]> {
	const removed = await aRunner(home, {}, home.pool);
	await fetchRaw("DELETE", `/v1/pools/${home.owner}/${home.pool}/runners/${removed.id}`);
	return [
		plain("a runner of the pool", { kind: "runner" }, (await aRunner(home, {}, home.pool)).token),
		plain("a runner of another pool", { kind: "runner" }, (await aRunner(home, {}, "elsewhere")).token),
		plain("a runner of another owner", { kind: "runner" }, (await aRunner(foreign, {}, foreign.pool)).token),
		plain("a runner that was removed", { kind: "runner-removed" }, removed.token),
	];
}

function leasesOf(home: Place, sibling: Place, foreign: Place): CallerInMatrix[] {
	const of = ({ owner, repo, run }: Place) => ({ kind: "lease", owner, repo, run }) as const;
	return [
		plain("a lease of the job", of(home), home.lease),
		plain("a lease of a job in another run", { ...of(home), run: "another" }, home.leaseOver),
		plain("a lease in the owner's other repository", of(sibling), sibling.lease),
		plain("a lease of another owner", of(foreign), foreign.lease),
	];
}

/** Whoever brings nothing that is good here, by what is brought. */
async function nobodies(owner: string, home: Place): Promise<CallerInMatrix[]> {
	const nobody = (name: string, credential: Credential): CallerInMatrix => ({
		name,
		facts: { kind: "nobody" },
		bring: async () => credential,
	});
	const revoked = await makeToken(owner, everyScope);
	const putOut = await aRunner(home, {}, home.pool, revoked.token);
	await fetchRaw("DELETE", `/v1/tokens/${revoked.id}`);
	// Its pool is told beside the answer: the scene is as it stays once that was heard.
	await vi.waitFor(async () => {
		const { runners } = await poolOf(home, home.pool);
		expect(runners.map(({ id }) => id)).not.toContain(putOut.id);
	});
	const good = await aToken(owner, everyScope);
	const flipped = good.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
	const ticket = async () => (await send<{ ticket: string }>("POST", "/v1/tickets", { token: good })).body.ticket;
	const used = await ticket();
	const watched = `/v1/repos/${owner}/${home.repo}/runs/${home.run}/events?ticket=${used}`;
	const opened = await fetchRaw("GET", watched, { token: null, headers: { upgrade: "websocket" } });
	opened.webSocket?.accept();
	opened.webSocket?.close(1_000, "used");
	const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
	const jwt = `${part({ alg: "none" })}.${part({ sub: `${owner}/web:ref:main`, owner })}.`;
	const body = { audience: "spillway" };
	const identity = await send<{ token: string }>("POST", "/v1/lease/id-token", { token: home.lease, body });
	const access = { id: "tk1", owner, name: "x", scopes: everyScope, repos: null, expiresAt: null };
	const keys = parseKeys(env.SPILLWAY_SIGNING_KEYS);
	const expired = signToken(keys, "access", { ...access, expiresAt: Date.now() - 1 });
	const late = signToken(keys, "ticket", { id: "ti1", until: Date.now() - 1, access });
	const others = signToken(parseKeys(`k1:${"00".repeat(32)}`), "access", access);
	return [
		nobody("nobody", {}),
		nobody("a revoked token", { token: revoked.token }),
		nobody("a runner whose registering token was revoked", { token: putOut.token }),
		nobody("an expired token", { token: expired }),
		nobody("a token signed with another key", { token: others }),
		nobody("an expired ticket", { ticket: late }),
		nobody("a ticket that was used", { ticket: used }),
		nobody("a job's identity token", { token: identity.body.token }),
		nobody("a token with another MAC", { token: flipped }),
		nobody("a token in capitals", { token: good.toUpperCase() }),
		nobody("a token without its kind", { token: good.replace("spw_access_", "spw__") }),
		nobody("two tokens in one header", { headers: { authorization: `Bearer ${good}, Bearer ${operator}` } }),
		nobody("a token under another scheme", { headers: { authorization: `Basic ${operator}` } }),
		nobody("a token of a cookie", { headers: { cookie: `spillway_session=${good}; authorization=${operator}` } }),
		nobody("a JSON Web Token", { token: jwt }),
		nobody("a ticket in the header", { token: await ticket() }),
		nobody("a token as a ticket", { ticket: good }),
		nobody("a lease as a ticket", { ticket: home.lease }),
	];
}
