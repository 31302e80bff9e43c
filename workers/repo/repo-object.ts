// The Durable Object of one repository: gives its engine the platform's storage, clock and far ends, and passes each call on.
import { DurableObject } from "cloudflare:workers";
import type {
	Actor,
	AddJobsCall,
	BulkCancelCall,
	BulkRetryCall,
	ClaimCall,
	DrainCall,
	LeaseIdentity,
	LimitsCall,
	RepoCalls,
	RepositoryName,
	SubmitCall,
} from "../../src/contracts/objects/objects.ts";
import type { SecretCall } from "../../src/contracts/objects/secrets.ts";
import type { RepositoryRequest } from "../../src/contracts/http/repository.ts";
import type { JobId, RunId } from "../../src/domain/ids.ts";
import type { FinishReport } from "../../src/domain/job/job.ts";
import type { PoolPause } from "../../src/domain/pool/pool.ts";
import { RepoEngine } from "../../src/engine/repo/repo-engine.ts";
import type { RetryJobCall, RetryRunCall } from "../../src/engine/repo/commands/repo-retry.ts";
import type { JobSlice } from "../../src/engine/repo/reads/repo-view.ts";
import type { Env } from "../env.ts";
import { heedSwitchesAtWaking } from "../switches/switches.ts";
import { worldOf } from "../world.ts";
import { repoOutside } from "./repo-outside.ts";

export class RepoObject extends DurableObject<Env> implements RepoCalls {
	readonly #engine: RepoEngine;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		heedSwitchesAtWaking(ctx, env);
		this.#engine = new RepoEngine({ world: worldOf(ctx), outside: repoOutside(env) });
	}

	configure(call: RepositoryName & { request: RepositoryRequest; replace: boolean }) {
		return this.#engine.configure(call);
	}

	settings() {
		return this.#engine.settings();
	}

	figures() {
		return this.#engine.figures();
	}

	submit(call: SubmitCall) {
		return this.#engine.submit(call);
	}

	drain(calls: DrainCall[]) {
		return this.#engine.drain(calls);
	}

	keyHolder(key: string) {
		return this.#engine.keyHolder(key);
	}

	addJobs(call: AddJobsCall) {
		return this.#engine.addJobs(call);
	}

	run(id: RunId, watchedUntil?: number) {
		return this.#engine.run(id, watchedUntil);
	}

	jobs(call: JobSlice) {
		return this.#engine.jobs(call);
	}

	job(id: JobId) {
		return this.#engine.job(id);
	}

	locate(call: Parameters<RepoCalls["locate"]>[0]) {
		return this.#engine.locate(call);
	}

	cancelRun(call: { run: RunId } & Actor) {
		return this.#engine.cancelRun(call);
	}

	cancelJob(call: { job: JobId; force: boolean } & Actor) {
		return this.#engine.cancelJob(call);
	}

	retryRun(call: RetryRunCall) {
		return this.#engine.retryRun(call);
	}

	retryJob(call: RetryJobCall) {
		return this.#engine.retryJob(call);
	}

	cancelMatching(call: BulkCancelCall) {
		return this.#engine.cancelMatching(call);
	}

	retryMatching(call: BulkRetryCall) {
		return this.#engine.retryMatching(call);
	}

	reprioritise(call: { job: JobId; priority: number }) {
		return this.#engine.reprioritise(call);
	}

	setSecret(call: SecretCall) {
		return this.#engine.setSecret(call);
	}

	secretNames(as?: "facts") {
		return this.#engine.secretNames(as);
	}

	limits() {
		return this.#engine.limits();
	}

	setLimits(call: LimitsCall) {
		return this.#engine.setLimits(call);
	}

	resealSecrets(call: Parameters<RepoCalls["resealSecrets"]>[0]) {
		return this.#engine.resealSecrets(call);
	}

	claim(call: ClaimCall) {
		return this.#engine.claim(call);
	}

	demand(call: Parameters<RepoCalls["demand"]>[0]) {
		return this.#engine.demand(call);
	}

	expire(leases: LeaseIdentity[], quietMs: number, how?: { isPutOut: boolean }) {
		return this.#engine.expire(leases, quietMs, how);
	}

	hearPause(call: { pool: string; pause: PoolPause | null }) {
		return this.#engine.hearPause(call);
	}

	sweep(stale: { id: RunId; version: number }[]) {
		return this.#engine.sweep(stale);
	}

	projected(call: { repository: boolean; runs: { id: RunId; version: number }[] }) {
		return this.#engine.projected(call);
	}

	runIds(call: { from: RunId; limit: number }) {
		return this.#engine.runIds(call);
	}

	projectable(runs: RunId[]) {
		return this.#engine.projectable(runs);
	}

	absentRuns(runs: RunId[]) {
		return this.#engine.absentRuns(runs);
	}

	start(lease: LeaseIdentity) {
		return this.#engine.start(lease);
	}

	finish(lease: LeaseIdentity, report: FinishReport) {
		return this.#engine.finish(lease, report);
	}

	lease(lease: LeaseIdentity) {
		return this.#engine.lease(lease);
	}

	identify(lease: LeaseIdentity) {
		return this.#engine.identify(lease);
	}

	confirmLog(lease: LeaseIdentity) {
		return this.#engine.confirmLog(lease);
	}

	logSealed(call: Parameters<RepoCalls["logSealed"]>[0]) {
		return this.#engine.logSealed(call);
	}

	override alarm() {
		return this.#engine.alarm();
	}
}
