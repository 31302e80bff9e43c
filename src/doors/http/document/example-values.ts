// The things of one small installation, of which the examples of the document are made.
import type { AuditRecord } from "../../../contracts/http/audit.ts";
import type { BulkCancel } from "../../../contracts/http/bulk-cancel.ts";
import type { BulkRetry } from "../../../contracts/http/bulk-retry.ts";
import type { DeadLetter } from "../../../contracts/http/dead-letter.ts";
import type { LimitUses } from "../../../contracts/http/limit.ts";
import type { Member } from "../../../contracts/http/member.ts";
import type { Problem } from "../../../contracts/http/problem.ts";
import type { QueueFigures, RebuildAnswer, Repository } from "../../../contracts/http/repository.ts";
import type { Attempt, Job, Run } from "../../../contracts/http/run.ts";
import type { Grant, HeartbeatReply, PoolFigures, Registered, RunnerFigures } from "../../../contracts/http/runner.ts";
import type { RotateAnswer, SecretListed } from "../../../contracts/http/secret.ts";
import type { Switches } from "../../../contracts/http/switches.ts";
import type { TokenMade } from "../../../contracts/http/token.ts";

const runId = "r4mkvyzq2xtb7w5nrc3adf6eh";
const jobId = `j${runId.slice(1)}-0`;
const runnerId = "rn0f3b5c7d9e1a2b4c6d8e";
const tokenId = "tk3f2c1b7e9d8a4f6b5c0d";
const commit = "3f2c1b7e9d8a4f6b5c0d1e2f3a4b5c6d7e8f9a0b";
const sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const at = (seconds: number) => new Date(Date.UTC(2026, 10, 27, 9, 30, 0, 250) + seconds * 1_000).toISOString();

const attempt: Attempt = {
	number: 1,
	outcome: "passed",
	platformFault: null,
	exitCode: 0,
	signal: null,
	reason: null,
	runner: { id: runnerId, name: "builder-1" },
	commit,
	startedAt: at(2),
	finishedAt: at(44),
	steps: [{ name: "test", exitCode: 0, startedAt: at(3), finishedAt: at(44), logStart: 0, logEnd: 1_482 }],
	log: { state: "sealed", length: 1_482, sha256, missing: [] },
	by: "submit",
	actor: null,
	retryReason: null,
	next: null,
};

const waitingJob: Job = {
	id: jobId,
	key: "test",
	name: "Unit tests",
	run: runId,
	state: "waiting",
	outcome: null,
	priority: 0,
	pool: "default",
	labels: ["linux"],
	needs: [],
	when: "success",
	allowFailure: false,
	concurrencyGroup: null,
	notBefore: null,
	attempts: [],
	waiting: {
		code: "runners-busy",
		detail: "All runners that fit are busy.",
		position: 1,
		since: at(0),
		expectedStartAt: null,
	},
	reason: null,
	createdAt: at(0),
	finishedAt: null,
};

const job: Job = {
	...waitingJob,
	state: "finished",
	outcome: "passed",
	attempts: [attempt],
	waiting: null,
	finishedAt: at(44),
};

const noJobs = { blocked: 0, waiting: 0, leased: 0, running: 0, canceling: 0, finished: 0 };
const source = { cloneUrl: "https://git.example/acme/web.git", ref: "refs/heads/main", commit: null };

const { jobs: _, ...watchedRun }: Run = {
	id: runId,
	number: 3,
	round: 1,
	state: "accepted",
	outcome: null,
	spilled: false,
	title: "Fix the build",
	source,
	trigger: "push",
	actor: "dev@example.com",
	counts: { ...noJobs, waiting: 1 },
	version: 1,
	createdAt: at(0),
	startedAt: null,
	finishedAt: null,
	reason: null,
	retried: null,
	supersededBy: null,
};
const run: Run = { ...watchedRun, jobs: [waitingJob] };

const repository: Repository = {
	owner: "acme",
	repo: "web",
	cloneUrl: source.cloneUrl,
	defaultRef: null,
	maxRunning: 50,
	paused: false,
	pauseNote: null,
	defaults: { pool: "default", timeoutSeconds: 3_600, queueTimeoutSeconds: 86_400, retry: { maxAttempts: 1 } },
	concurrencyGroups: { production: { limit: 1 } },
	retryBudget: { perHour: 60, ratio: 0.2 },
	fairness: { by: "ref", perRunningSeconds: 0, weights: {} },
	poolWeight: 1,
	draining: false,
	retentionDays: 90,
	logBytesMax: 104_857_600,
	locationHint: null,
};

const runner: RunnerFigures = {
	id: runnerId,
	name: "builder-1",
	labels: ["linux", "x64"],
	state: "idle",
	reason: null,
	capacity: 2,
	leases: 0,
	lastSeenAt: at(60),
};

const pool: PoolFigures = {
	owner: "acme",
	pool: "default",
	paused: false,
	pauseNote: null,
	draining: false,
	runners: [runner],
	waiting: 0,
	running: 0,
	idle: 1,
	busy: 0,
	oldestWaitingSeconds: null,
};

const grant: Grant = {
	lease: {
		id: `${jobId}.1`,
		token: "spw_lease_eyJ2IjoxfQ_mac",
		epoch: 1,
		startBySeconds: 10,
		renewSeconds: 10,
		stopAfterSeconds: 30,
	},
	job: {
		id: jobId,
		key: "test",
		name: "Unit tests",
		steps: [{ name: "test", run: "npm test" }],
		env: { CI: "true" },
		secrets: { NPM_TOKEN: "the-secret" },
		timeoutSeconds: 3_600,
		attempt: 1,
		exclusive: false,
		logBytesMax: 104_857_600,
	},
	run: { id: runId, number: 3, source, title: "Fix the build" },
	repository: { owner: "acme", repo: "web" },
};

const rotated: RotateAnswer = {
	owner: "acme",
	dataKey: 2,
	resealed: 12,
	right: 0,
	unreadable: [],
	sealingKeys: { k2: 12, k1: 0 },
	nextCursor: null,
};
const secret: SecretListed = { name: "NPM_TOKEN", refs: ["refs/heads/main"], forks: false, setAt: at(0) };

const activeMember: Member = {
	member: "pe4mkvyzq2xtb7w5nrc3adf6eh",
	state: "active",
	role: "maintainer",
	repos: null,
	name: "Ada",
	invitedAs: "ada@example.com",
	since: at(0),
};

const { token: madeToken, ...tokenRecord }: TokenMade = {
	id: tokenId,
	owner: "acme",
	name: "bot",
	scopes: ["read", "write"],
	repos: null,
	createdAt: at(0),
	createdBy: "operator",
	expiresAt: at(365 * 86_400),
	pools: null,
	uses: null,
	revokedAt: null,
	token: "spw_access_eyJ2IjoxfQ_mac",
};

const problem: Problem = {
	type: "urn:spillway:problem:malformed",
	title: "malformed",
	status: 400,
	code: "malformed",
	detail: "The body is not as it should be.",
	requestId: "0d8f6a52-5c1e-4a37-9b1d-2f6f0c7f5e11",
	errors: [{ path: "jobs[0].key", message: "must match [A-Za-z0-9][A-Za-z0-9._-]{0,99}" }],
};

const switches: Switches = { acceptRuns: true, dispatch: true, spill: "auto", archive: true, project: true };
const registered: Registered = {
	id: runnerId,
	token: "spw_runner_eyJ2IjoxfQ_mac",
	sessionUrl: "wss://ci.example/v1/runner/session",
	heartbeatSeconds: 10,
};
const heartbeatReply: HeartbeatReply = {
	leases: [{ id: `${jobId}.1`, state: "ok", graceSeconds: 10 }],
	draining: false,
};
const queue: QueueFigures = {
	paused: false,
	pauseNote: null,
	...{ blocked: 0, waiting: 1, leased: 0, running: 1, canceling: 0 },
	oldestWaitingSeconds: 4.2,
	waitSecondsP50: 1.1,
	waitSecondsP99: 9.8,
	projectionLagSeconds: 0,
	limits: { maxRunning: 50, concurrencyGroups: { production: { limit: 1 } } },
};
const limits: LimitUses = {
	items: [
		{ name: "waiting-jobs", unit: "jobs", limit: 50_000, used: 12, resetsAt: null },
		{ name: "runs-per-minute", unit: "runs a minute", limit: 3_000, used: 40, resetsAt: at(1) },
	],
};
const rebuilt: RebuildAnswer = {
	owner: "acme",
	repo: "web",
	right: 120,
	written: 1,
	removed: 0,
	nextCursor: null,
};
const canceled: BulkCancel = {
	items: [{ job: jobId, run: runId, key: "test", state: "waiting" }],
	canceled: 1,
	truncated: false,
	dryRun: false,
};
const retried: BulkRetry = {
	items: [{ job: jobId, run: runId, key: "test", outcome: "failed" }],
	...{ retried: 1, truncated: false, archived: 0, dryRun: false },
};
const auditRecord: AuditRecord = {
	id: "au3f2c1b7e9d8a4f6b5c0d",
	at: at(0),
	action: "run-cancel",
	owner: "acme",
	repo: "web",
	subject: runId,
	actor: "bot",
	token: tokenId,
	from: "192.0.2.7",
	reason: "not needed any more",
	details: {},
};
const deadLetter: DeadLetter = {
	id: "dl0mfz3k2c1b7e9d8a4f6b",
	queue: "events",
	at: at(0),
	tries: 10,
	reason: "the database did not answer",
	body: { kind: "run" },
};

const pipeline = {
	source: { cloneUrl: source.cloneUrl, ref: "refs/heads/main" },
	title: "Fix the build",
	trigger: "push",
	actor: "dev@example.com",
	cancelSuperseded: true,
	jobs: [
		{
			key: "test",
			name: "Unit tests",
			steps: [
				{ name: "install", run: "npm ci" },
				{ name: "test", run: "npm test" },
			],
			env: { CI: "true" },
			labels: ["linux"],
			timeoutSeconds: 1_800,
			retry: {
				maxAttempts: 3,
				on: [{ outcome: "failed", exitCodes: [75] }, { outcome: "timed-out" }],
				backoff: { initialSeconds: 5, factor: 2, maxSeconds: 300, jitter: "full" },
			},
		},
		{ key: "deploy", needs: ["test"], run: "./deploy", concurrencyGroup: "production" },
	],
};

export const exampleValues = {
	jobId,
	commit,
	sha256,
	at,
	job,
	source,
	run,
	repository,
	runner,
	pool,
	grant,
	rotated,
	secret,
	activeMember,
	problem,
	switches,
	registered,
	heartbeatReply,
	queue,
	limits,
	rebuilt,
	canceled,
	retried,
	auditRecord,
	deadLetter,
	pipeline,
	watchedRun,
	madeToken,
	tokenRecord,
};
