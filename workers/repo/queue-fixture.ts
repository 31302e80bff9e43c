// What the tests of queues share: a repository of its own for each test, its object reached anew each time, a runner's steps.
import { env } from "cloudflare:workers";
import { orThrow } from "../../src/doors/http/answer.ts";
import type {
	Claimed,
	ClaimCall,
	LeaseIdentity,
	RepositoryName,
	RunnerIdentity,
} from "../../src/contracts/objects/objects.ts";
import type { RepositoryRequest } from "../../src/contracts/http/repository.ts";
import type { Grant, HeartbeatReply } from "../../src/contracts/http/runner.ts";
import { runIdFrom } from "../../src/domain/ids.ts";
import type { FinishReport } from "../../src/domain/job/job.ts";
import type { JobRequest, Submission } from "../../src/domain/job/submission.ts";
import type { PoolObject } from "../pool/pool-object.ts";
import type { RepoObject } from "./repo-object.ts";

export type Repo = RepositoryName & { pool: string };

let made = 0;

/** Its jobs go to a pool that no other test uses. */
export async function aRepository(request: RepositoryRequest = {}, owner = `owner${++made}`): Promise<Repo> {
	const name = { owner, repo: "web" };
	orThrow(await repoOf(name).configure({ ...name, request, replace: true }));
	return { ...name, pool: "default" };
}

/** A new stub each time: one is broken after its object threw or was evicted. */
export function repoOf({ owner, repo }: RepositoryName): DurableObjectStub<RepoObject> {
	const namespace = env.REPO as DurableObjectNamespace<RepoObject>;
	return namespace.get(namespace.idFromName(`${owner}/${repo}`));
}

export function poolOf({ owner, pool }: { owner: string; pool: string }, shard = 0): DurableObjectStub<PoolObject> {
	const namespace = env.POOL as DurableObjectNamespace<PoolObject>;
	return namespace.get(namespace.idFromName(`${owner}/${pool}/${shard}`));
}

export function aSubmission(jobs: JobRequest[], rest: Partial<Submission> = {}): Submission {
	return { source: null, title: null, trigger: "api", actor: "dev", cancelSuperseded: false, jobs, ...rest };
}

export function aSubmitCall(jobs: JobRequest[], key: string | null = null, rest: Partial<Submission> = {}) {
	const run = runIdFrom(crypto.getRandomValues(new Uint8Array(15)));
	return { run, key, digest: JSON.stringify(jobs), submission: aSubmission(jobs, rest) };
}

export async function submit(repo: Repo, jobs: JobRequest[], rest: Partial<Submission> = {}) {
	return orThrow(await repoOf(repo).submit(aSubmitCall(jobs, null, rest))).run;
}

export function aJob(key: string, rest: Partial<JobRequest> = {}): JobRequest {
	return { key, run: "true", ...rest };
}

export async function claim(repo: Repo, call: Partial<ClaimCall> = {}): Promise<Claimed> {
	const runner = { id: "rn1", name: "one" };
	return repoOf(repo).claim({ runner, pool: repo.pool, shard: 0, labels: [], free: 1, ...call });
}

/** Claims one job and starts it. */
export async function startOne(repo: Repo, call: Partial<ClaimCall> = {}): Promise<LeaseIdentity> {
	const [first] = (await claim(repo, call)).grants;
	if (!first) throw new Error("nothing was granted");
	orThrow(await repoOf(repo).start(first.claim));
	return first.claim;
}

export function aReport(rest: Partial<FinishReport> = {}): FinishReport {
	const silent = { exitCode: 0, signal: null, reason: null, steps: [], logSha256: null, retryAfterSeconds: null };
	return { outcome: "passed", logLength: 0, ...silent, ...rest };
}

export function anIdentity(repo: Repo, rest: Partial<RunnerIdentity> = {}): RunnerIdentity {
	const { owner, pool } = repo;
	return { id: "rn1", name: "one", owner, pool, shard: 0, labels: [], capacity: 1, ephemeral: false, ...rest };
}

/** As a registration through the API leaves it: in its own shard, which shard 0 knows of. */
export async function register(identity: RunnerIdentity): Promise<RunnerIdentity> {
	orThrow(await poolOf(identity, identity.shard).register(identity));
	return identity;
}

/** As the Worker asks for a runner, at its shard. Throws when the pool does not know it. */
export async function acquire(runner: RunnerIdentity, named: string[] | null = []): Promise<Grant | null> {
	const grant = await poolOf(runner, runner.shard).acquire(runner, named);
	if (typeof grant === "string") throw new Error(grant);
	return grant;
}

export async function heartbeat(runner: RunnerIdentity, leases: string[] = []): Promise<HeartbeatReply> {
	const reply = await poolOf(runner, runner.shard).heartbeat(runner, leases);
	if (typeof reply === "string") throw new Error(reply);
	return reply;
}

/** What each version of the tables added, the second first. */
const added = [
	["tombstone.finished_at", "tombstone.ref", "tombstone.ends"],
	["tombstone.expires_at"],
	["repository.recent", "job.waited"],
	[],
	[],
	[],
	["secret.refs", "secret.forks", "secret.at"],
	["repository.limits", "repository.run_bucket"],
];

/** The tables as an older version left them: they are brought up to date when the object wakes. */
export function storeAsOf(version: number, { sql }: DurableObjectStorage): void {
	for (const column of added.slice(version - 1).flat()) {
		const [table, name] = column.split(".");
		sql.exec(`ALTER TABLE ${table} DROP COLUMN ${name}`);
	}
	sql.exec("DROP TABLE run_number");
	sql.exec("UPDATE repository SET schema = ?", version);
}
