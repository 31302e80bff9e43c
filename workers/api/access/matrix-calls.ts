// Each route of the document with a request that its holder of the right would be answered: what the matrix sends under every name.
import type { Operation } from "../../../src/operations/access-table.ts";
import type { Call } from "../api-fixture.ts";
import { fetchRaw, job, send } from "../api-fixture.ts";

/** One of everything that a path may name. */
export interface Target {
	owner: string;
	repo: string;
	run: string;
	job: string;
	attempt: string;
	pool: string;
	runner: string;
	/** A secret's name. */
	name: string;
	/** A token's id. */
	id: string;
	member: string;
	letter: string;
	/** An access token, to be sent in a body. */
	token: string;
}

interface Wish {
	query?: (target: Target) => string;
	body?: (target: Target) => Call["body"];
	headers?: Record<string, string>;
	/** It is a WebSocket's, and nothing else. */
	isSocket?: true;
}

const empty: Wish = { body: () => ({}) };
const nothing: Wish = {};
const ofOwner: Wish = { query: ({ owner }) => `owner=${owner}` };
let jobs = 0;
const makesJobs: Wish = { body: ({ pool }) => ({ jobs: [job(`more-${++jobs}`, { pool })] }) };

/** Of the operations that a path names; a new one does not compile before it stands here. */
export const wishes: Record<Operation, Wish> = {
	getHealth: nothing,
	getReadiness: nothing,
	getDocument: nothing,
	getRunnerScript: nothing,
	getCommandLine: nothing,
	getOpenidConfiguration: nothing,
	getJwks: nothing,
	signIn: { headers: { accept: "application/json" } },
	finishSignIn: nothing,
	submitRun: makesJobs,
	listRuns: nothing,
	getRun: nothing,
	listJobs: nothing,
	addJobs: makesJobs,
	cancelRun: empty,
	retryRun: { body: () => ({ only: "all" }) },
	cancelJobs: { body: () => ({ state: ["blocked", "waiting", "leased", "running"] }) },
	retryJobs: empty,
	watchRun: nothing,
	getJob: nothing,
	prioritiseJob: { body: () => ({ priority: 7 }) },
	cancelJob: empty,
	retryJob: empty,
	getLog: nothing,
	indexLog: nothing,
	searchLog: { query: () => "q=x" },
	watchLog: nothing,
	watchJobLog: nothing,
	listRepositories: ofOwner,
	putRepository: { body: () => ({ maxRunning: 7 }) },
	patchRepository: { body: () => ({ maxRunning: 7 }) },
	getRepository: nothing,
	getQueue: nothing,
	getOwnerLimits: nothing,
	putOwnerLimits: empty,
	patchOwnerLimits: { body: () => ({ pools: 7 }) },
	getRepositoryLimits: nothing,
	putRepositoryLimits: empty,
	patchRepositoryLimits: { body: () => ({ secrets: 7 }) },
	rebuildRepository: empty,
	rebuildOwner: empty,
	listSecrets: nothing,
	setSecret: { body: () => ({ value: "planted" }) },
	deleteSecret: nothing,
	listOwnerSecrets: nothing,
	setOwnerSecret: { body: () => ({ value: "planted" }) },
	deleteOwnerSecret: nothing,
	rotateSecrets: empty,
	listPools: nothing,
	getPool: nothing,
	setPool: { body: () => ({ paused: true }) },
	setRunner: { body: () => ({ draining: true }) },
	removeRunner: nothing,
	registerRunner: { body: () => ({ name: "planted" }) },
	acquireGrant: { body: () => ({ waitSeconds: 0 }) },
	heartbeat: { body: () => ({ leases: [] }) },
	openSession: { isSocket: true },
	startLease: empty,
	appendLog: {
		body: () => Uint8Array.of(120),
		headers: { "upload-offset": "0", "content-type": "application/octet-stream" },
	},
	feedLog: { isSocket: true },
	reportSteps: { body: () => ({ steps: [] }) },
	createIdToken: { body: () => ({ audience: "sts.amazonaws.com" }) },
	finishLease: { body: () => ({ outcome: "passed", exitCode: 0, logLength: 1 }) },
	createToken: { body: ({ owner }) => ({ owner, name: "planted", scopes: ["admin"], repos: ["web"] }) },
	listTokens: ofOwner,
	revokeToken: nothing,
	createTicket: empty,
	listMembers: nothing,
	setMember: { body: () => ({ role: "viewer" }) },
	removeMember: nothing,
	createSession: { body: ({ token }) => ({ token }) },
	getSession: nothing,
	deleteSession: nothing,
	listSessions: nothing,
	endSession: nothing,
	listAudit: ofOwner,
	getSwitches: nothing,
	setSwitches: { body: () => ({ archive: true }) },
	listDeadLetters: nothing,
	redriveDeadLetter: nothing,
	redriveDeadLetters: empty,
	dropDeadLetter: nothing,
	getMetrics: nothing,
};

/** A route as the document has it. */
export interface Route {
	operation: Operation;
	method: string;
	/** With `{name}` for what a target fills in. */
	path: string;
	/** The operation has another path, whose route is this one's too. */
	isSecond: boolean;
	/** Documented codes of 401, 403 and 404. */
	codes: ReadonlySet<string>;
}

interface Documented {
	operationId: string;
	responses: Record<string, { "x-codes"?: string[] }>;
}

export async function routes(): Promise<Route[]> {
	const { body } = await send<{ paths: Record<string, Record<string, Documented>> }>("GET", "/openapi.json");
	return Object.entries(body.paths).flatMap(([path, methods]) =>
		Object.entries(methods).map(([method, { operationId, responses }]) => ({
			operation: operationId.replace(/InRun$/, "") as Operation,
			isSecond: operationId.endsWith("InRun"),
			method: method.toUpperCase(),
			path,
			codes: new Set(
				Object.entries(responses).flatMap(([status, answer]) =>
					(answer["x-codes"] ?? []).map((code) => `${status} ${code}`),
				),
			),
		})),
	);
}

/** What a caller brings to prove who that is. */
export interface Credential {
	token?: string;
	headers?: Record<string, string>;
	ticket?: string;
}

/** `200`, or `404 unknown` with what the caller is told: all that a caller may learn from an answer that refuses. */
export interface Heard {
	said: string;
	detail: string;
}

function pathOf({ path, operation }: Route, target: Target, ticket?: string): string {
	const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: keyof Target) => target[name]);
	const given = [wishes[operation].query?.(target), ticket === undefined ? undefined : `ticket=${ticket}`];
	const asked = given.filter((part) => part !== undefined).join("&");
	return asked === "" ? filled : `${filled}?${asked}`;
}

/** The body that the operator gets. */
export async function read(route: Route, target: Target): Promise<string> {
	const response = await fetchRaw("GET", pathOf(route, target));
	return `${response.status === 200 ? "" : response.status}${await response.text()}`;
}

export async function ask(route: Route, target: Target, credential: Credential): Promise<Heard> {
	const { body, headers, isSocket } = wishes[route.operation];
	const { ticket, token = null } = credential;
	const isUpgrade = isSocket || (ticket !== undefined && route.method === "GET");
	const response = await fetchRaw(route.method, pathOf(route, target, ticket), {
		token,
		headers: { ...headers, ...credential.headers, ...(isUpgrade ? { upgrade: "websocket" } : {}) },
		...(body === undefined ? {} : { body: body(target) }),
	});
	if (response.status < 400) {
		response.webSocket?.accept();
		response.webSocket?.close(1_000, "seen");
		await response.body?.cancel();
		return { said: String(response.status), detail: "" };
	}
	const { code, detail } = (await response.json()) as { code: string; detail: string };
	return { said: `${response.status} ${code}`, detail };
}
