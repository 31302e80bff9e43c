import { describe, expect, it } from "vitest";
import type { AccessPayload } from "../contracts/objects/token-payload.ts";
import type { Scope } from "../contracts/http/token.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAsk, mayAskOfOwner, mayAskOfRepository } from "./access.ts";
import type { Caller, OwnerOperation, PlacelessOperation, RepositoryOperation } from "./access.ts";
import type { OperationOf } from "./access-table.ts";
import { listMembers, removeMember, setMember } from "./people/members.ts";
import type { Membership, Principal } from "./principal.ts";
import { cancelMatching, retryMatching } from "./runs/bulk.ts";
import { dropDeadLetter, listDeadLetters, redriveDeadLetter, redriveDeadLetters } from "./spill/dead-letters.ts";
import { getSwitches, listAudit, readMetrics, setSwitches } from "./installation.ts";
import { cancelJob, getJob, prioritiseJob, retryJob } from "./runs/jobs.ts";
import {
	readLog,
	indexLog,
	searchLog,
	watchJobLog,
	watchLog,
	watchLogBySocket,
	watchRunBySocket,
	watchRunEvents,
} from "./logs/logs.ts";
import { getOwnerLimits, getRepositoryLimits, setOwnerLimits, setRepositoryLimits } from "./limits.ts";
import type { Ports, SocketPorts } from "./ports.ts";
import { createTicket, createToken, listTokens, revokeToken } from "./tokens.ts";
import { getPool, listPools, removeRunner, setPool, setRunner } from "./pools.ts";
import { getQueue, getRepository, listRepositories, setRepository } from "./repositories.ts";
import { rotateSecrets } from "./rotate-secrets.ts";
import {
	deleteOwnerSecret,
	deleteSecret,
	listOwnerSecrets,
	listSecrets,
	setOwnerSecret,
	setSecret,
} from "./secrets.ts";
import { rebuildOwner, rebuildRepository } from "./projection/rebuild.ts";
import { registerRunner } from "./leases/runner-calls.ts";
import { addJobs, cancelRun, getRun, listJobs, listRuns, retryRun, submitRun } from "./runs/runs.ts";

const owner = "ada";
const pool = "default";
const repository = { owner, repo: "web" };
const everyScope: Scope[] = ["read", "write", "admin", "runner:register", "metrics"];

function caller(access: Partial<AccessPayload> | null): Caller {
	const all = { id: "tk1", owner: "ada", name: "dev", scopes: everyScope, repos: null, expiresAt: null };
	const who: Principal = access === null ? { kind: "operator" } : { kind: "token", access: { ...all, ...access } };
	return { who, name: "dev", address: null };
}

function member(membership: Partial<Membership>): Caller {
	const memberships = new Map([[owner, { role: "viewer" as const, repos: null, version: 1, ...membership }]]);
	const session = { holder: "pe1", session: "se1", expiresAt: 1 };
	return { who: { kind: "session", session, person: "pe1", memberships }, name: "ada", address: null };
}

function verdict(result: Result<unknown>): string {
	return result.ok ? "may" : result.refusal.code;
}

const operator = caller(null);
const run = { id: "raaaaaaaaaaaaaaaaaaaaaaaa" };
const page = { limit: 1, cursor: null };
const name = { run, job: "test" };
const reason = null;

/** A port that is used throws: a refused operation touches none. */
const ports = new Proxy({} as Ports, {
	get: (_, port) => {
		throw new Error(`used ${String(port)}`);
	},
});

const socketPorts = ports as Ports & SocketPorts<null>;
const log = { repository, job: name, attempt: 1 };

/** A token is revoked once it is known whose it is. */
type Asked = Exclude<RepositoryOperation | OwnerOperation, "revokeToken">;

/** Each operation, asked by a caller for the things of ada, or of the repository ada/web. */
const asked: Record<Asked, (by: Caller) => Result<unknown> | Promise<Result<unknown>>> = {
	submitRun: (by) => submitRun(ports, by, { repository, request: { jobs: [{ key: "test", run: "true" }] }, key: null }),
	listRuns: (by) => listRuns(ports, by, { repository, filter: {}, ...page }),
	getRun: (by) => getRun(ports, by, { repository, run }),
	listJobs: (by) => listJobs(ports, by, { repository, run, from: 0, limit: 1 }),
	addJobs: (by) => addJobs(ports, by, { repository, run, jobs: [], key: null }),
	cancelRun: (by) => cancelRun(ports, by, { repository, run, reason }),
	retryRun: (by) => retryRun(ports, by, { repository, run, only: "all", key: null, reason }),
	cancelJobs: (by) => cancelMatching(ports, by, { repository, request: { state: ["waiting"] } }),
	retryJobs: (by) => retryMatching(ports, by, { repository, request: {}, key: null }),
	getJob: (by) => getJob(ports, by, { repository, name }),
	prioritiseJob: (by) => prioritiseJob(ports, by, { repository, name, priority: 1 }),
	cancelJob: (by) => cancelJob(ports, by, { repository, name, reason, force: false }),
	retryJob: (by) => retryJob(ports, by, { repository, name, key: null, reason }),
	watchRun: async (by) => {
		const result = await watchRunBySocket(socketPorts, by, { repository, run, after: null });
		return result.ok ? result : watchRunEvents(ports, by, { repository, run, after: null });
	},
	getLog: (by) => readLog(ports, by, log),
	indexLog: (by) => indexLog(ports, by, log),
	searchLog: (by) =>
		searchLog(ports, by, {
			...log,
			query: "x",
			limit: 1,
			place: { from: 0, line: 1, next: 0, start: 0, isFound: false },
		}),
	watchLog: async (by) => {
		const result = await watchLogBySocket(socketPorts, by, { ...log, from: 0 });
		return result.ok ? result : watchLog(ports, by, { ...log, from: 0 });
	},
	watchJobLog: (by) => watchJobLog(ports, by, { repository, job: name, place: null }),
	putRepository: (by) => setRepository(ports, by, { repository, request: {}, replace: true }),
	patchRepository: (by) => setRepository(ports, by, { repository, request: {}, replace: false }),
	getRepository: (by) => getRepository(ports, by, repository),
	getQueue: (by) => getQueue(ports, by, repository),
	getOwnerLimits: (by) => getOwnerLimits(ports, by, owner),
	getRepositoryLimits: (by) => getRepositoryLimits(ports, by, repository),
	rebuildRepository: (by) => rebuildRepository(ports, by, { repository, cursor: null }),
	rebuildOwner: (by) => rebuildOwner(ports, by, { owner, cursor: null }),
	listSecrets: (by) => listSecrets(ports, by, repository),
	setSecret: (by) => setSecret(ports, by, { repository, name: "KEY", value: "x", refs: null, forks: false }),
	deleteSecret: (by) => deleteSecret(ports, by, { repository, name: "KEY" }),
	listOwnerSecrets: (by) => listOwnerSecrets(ports, by, owner),
	setOwnerSecret: (by) => setOwnerSecret(ports, by, { owner, name: "KEY", value: "x", refs: null, forks: false }),
	deleteOwnerSecret: (by) => deleteOwnerSecret(ports, by, { owner, name: "KEY" }),
	rotateSecrets: (by) => rotateSecrets(ports, by, { owner, cursor: null }),
	listRepositories: (by) => listRepositories(ports, by, { owner, ...page }),
	listPools: (by) => listPools(ports, by, { owner, ...page }),
	getPool: (by) => getPool(ports, by, { owner, pool }),
	setPool: (by) => setPool(ports, by, { owner, pool, patch: {} }),
	setRunner: (by) => setRunner(ports, by, { owner, pool, runner: "rn1", patch: { draining: true } }),
	removeRunner: (by) => removeRunner(ports, by, { owner, pool, runner: "rn1" }),
	registerRunner: (by) => registerRunner(ports, by, { owner, pool, request: { name: "one" }, key: null }),
	createToken: (by) => createToken(ports, by, { request: { owner, name: "new", scopes: ["read"] }, key: null }),
	listTokens: (by) => listTokens(ports, by, { owner, ...page }),
	listMembers: (by) => listMembers(ports, by, { owner, ...page }),
	setMember: (by) => setMember(ports, by, { owner, member: "eve@example.com", request: { role: "viewer" } }),
	removeMember: (by) => removeMember(ports, by, { owner, member: "eve@example.com" }),
	listAudit: (by) => listAudit(ports, by, { owner, actor: undefined, action: undefined, ...page }),
};

/** Those that are about no owner. */
const placeless: Record<
	Exclude<PlacelessOperation, OperationOf<"oneself">>,
	(by: Caller) => Result<unknown> | Promise<Result<unknown>>
> = {
	getSwitches: (by) => getSwitches(ports, by),
	setSwitches: (by) => setSwitches(ports, by, { acceptRuns: false }),
	putOwnerLimits: (by) => setOwnerLimits(ports, by, { owner, change: {}, replace: true }),
	patchOwnerLimits: (by) => setOwnerLimits(ports, by, { owner, change: {}, replace: false }),
	putRepositoryLimits: (by) => setRepositoryLimits(ports, by, { repository, change: {}, replace: true }),
	patchRepositoryLimits: (by) => setRepositoryLimits(ports, by, { repository, change: {}, replace: false }),
	createTicket: (by) => createTicket(ports, by),
	listDeadLetters: (by) => listDeadLetters(ports, by, page),
	redriveDeadLetter: (by) => redriveDeadLetter(ports, by, "dl1"),
	redriveDeadLetters: (by) => redriveDeadLetters(ports, by, null),
	getMetrics: (by) => readMetrics(ports, by, Promise.resolve()),
	dropDeadLetter: (by) => dropDeadLetter(ports, by, "dl1"),
};

describe("who may ask for what", () => {
	it.each([
		["the operator", operator, "may"],
		["a token with the scope", caller({ scopes: ["write"] }), "may"],
		["a token for this repository", caller({ repos: ["web"] }), "may"],
		["a token without the scope", caller({ scopes: ["read", "admin"] }), "scope-missing"],
		["a token for another repository", caller({ repos: ["api"] }), "unknown"],
		["a token of another owner", caller({ owner: "eve" }), "unknown"],
	])("[O1] %s, of a repository", (_, by, expected) => {
		expect(verdict(mayAskOfRepository(by, "submitRun", repository))).toBe(expected);
	});

	it.each([
		["the operator", operator, "may", "may", "may"],
		["an admin", caller({}), "may", "may", "may"],
		[
			"an admin of some repositories",
			caller({ repos: ["web"] }),
			"repositories-limited",
			"may",
			"repositories-limited",
		],
		["a reader", caller({ scopes: ["read"] }), "scope-missing", "scope-missing", "scope-missing"],
		["another owner's admin", caller({ owner: "eve" }), "unknown", "unknown", "unknown"],
	])("[O1] %s, of what belongs to an owner, of a part of it, and of its audit", (_, by, ...expected) => {
		const operations = ["setPool", "createToken", "listAudit"] as const;
		expect(operations.map((operation) => verdict(mayAskOfOwner(by, operation, "ada")))).toEqual(expected);
	});

	it.each([
		["viewer", "may", "role-missing", "role-missing", "role-missing"],
		["developer", "may", "may", "role-missing", "role-missing"],
		["maintainer", "may", "may", "may", "role-missing"],
		["owner", "may", "may", "may", "may"],
	] as const)("[A80] a %s reads, writes, sets a pool, makes a token", (role, ...expected) => {
		const by = member({ role });
		expect([
			verdict(mayAskOfRepository(by, "getRun", repository)),
			verdict(mayAskOfRepository(by, "submitRun", repository)),
			verdict(mayAskOfOwner(by, "setPool", owner)),
			verdict(mayAskOfOwner(by, "createToken", owner)),
		]).toEqual(expected);
	});

	it("[A80] a member for some repositories has these alone, and no role elsewhere or over the installation", () => {
		const by = member({ role: "owner", repos: ["web"] });
		expect(verdict(mayAskOfRepository(by, "submitRun", repository))).toBe("may");
		expect(verdict(mayAskOfRepository(by, "submitRun", { owner, repo: "api" }))).toBe("unknown");
		expect(verdict(mayAskOfOwner(by, "setPool", owner))).toBe("repositories-limited");
		expect(verdict(mayAskOfOwner(by, "setPool", "constructor"))).toBe("unknown");
		expect(verdict(mayAskOfOwner(by, "listAudit", null))).toBe("operator-only");
		expect(verdict(mayAsk(by, "setSwitches"))).toBe("operator-only");
		expect(verdict(mayAsk(by, "getMetrics"))).toBe("scope-missing");
		expect(verdict(mayAsk(by, "createTicket"))).toBe("scope-missing");
	});

	it("[A127] a ticket is for who brings a token: a session gets none, whoever opened it", () => {
		const session = { holder: "operator", session: "se1", expiresAt: 1 };
		const { who } = caller({});
		for (const by of [operator.who, who]) {
			expect(verdict(createTicket(ports, { ...operator, who: { ...by, session } }))).toBe("token-only");
		}
		expect(verdict(createTicket(ports, member({ role: "owner" })))).toBe("scope-missing");
	});

	it("[O1] what belongs to no owner is the operator's, but for a ticket and metrics", () => {
		expect(verdict(mayAsk(operator, "setSwitches"))).toBe("may");
		expect(verdict(mayAskOfOwner(operator, "listAudit", null))).toBe("may");
		expect(verdict(mayAsk(caller({}), "setSwitches"))).toBe("operator-only");
		expect(verdict(mayAskOfOwner(caller({}), "listAudit", null))).toBe("operator-only");
		expect(verdict(mayAsk(caller({ scopes: ["read"] }), "createTicket"))).toBe("may");
		expect(verdict(mayAsk(caller({ scopes: ["write"] }), "createTicket"))).toBe("scope-missing");
		expect(verdict(mayAsk(caller({ scopes: ["metrics"] }), "getMetrics"))).toBe("may");
	});

	it.each(Object.entries(asked))("[O2] %s asks before it touches anything", async (_, ask) => {
		const refused = [await ask(caller({ scopes: [] })), await ask(caller({ owner: "eve" }))];
		expect(refused.map(verdict)).toEqual(["scope-missing", "unknown"]);
		await expect((async () => ask(operator))()).rejects.toThrow(/^used /);
	});

	it.each(Object.entries(placeless))("[O2] %s asks before it touches anything", async (name, ask) => {
		const refused = name === "createTicket" || name === "getMetrics" ? "scope-missing" : "operator-only";
		expect(verdict(await ask(caller({ scopes: [] })))).toBe(refused);
		await expect((async () => ask(operator))()).rejects.toThrow(/^used /);
	});

	it("[O2] a token is revoked by who may, once it is known whose it is", async () => {
		const readModel = { token: async () => null };
		const call = { id: `tk${"0".repeat(20)}`, owner };
		const ask = (by: Caller) => revokeToken({ ...ports, readModel } as unknown as Ports, by, call);
		expect(verdict(await ask(caller({ scopes: ["read"] })))).toBe("scope-missing");
		expect(verdict(await ask(caller({ owner: "eve" })))).toBe("unknown");
	});
});
