// An example for each shape that is sent or answered, as one small installation would say them. A check validates each against the
// published schemas, and a journey sends each request to a real server.
import { identityExamples } from "./identity-examples.ts";
import { exampleValues } from "./example-values.ts";

const {
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
} = exampleValues;

/** By the name of the shape. */
const values: Readonly<Record<string, unknown>> = {
	AcquireRequest: { waitSeconds: 30, leases: [] },
	AuditRecord: auditRecord,
	BulkCancel: canceled,
	BulkCancelRequest: { state: ["waiting"], ref: "refs/heads/old", reason: "the branch is gone" },
	BulkRetry: retried,
	BulkRetryRequest: { since: at(0), dryRun: true },
	CancelJobRequest: { reason: "not needed any more" },
	CancelRunRequest: { reason: "not needed any more" },
	DeadLetter: deadLetter,
	FinishRequest: {
		outcome: "passed",
		exitCode: 0,
		steps: [{ name: "test", exitCode: 0, startedAt: at(3), finishedAt: at(44), logStart: 0, logEnd: 1_482 }],
		logLength: 1_482,
		logSha256: sha256,
		commit,
	},
	Grant: grant,
	HeartbeatReply: heartbeatReply,
	HeartbeatRequest: { leases: [`${jobId}.1`] },
	Job: job,
	JobsRequest: { jobs: [{ key: "report", needs: ["test"], when: "always", run: "./report" }] },
	LeaseReply: { job: { ...job, state: "running", outcome: null, finishedAt: null, attempts: [] } },
	LimitUses: limits,
	OwnerLimitsRequest: { repositories: 10_000, "token-calls": null },
	LogFound: { offset: 812, line: 14, text: "Error: no such file", before: ["step 2"], after: ["at main.js:3"] },
	Member: activeMember,
	MemberRequest: { role: "developer", repos: ["web"] },
	Caller: {
		name: "ada@example.com",
		kind: "person",
		person: activeMember.member,
		owners: [{ owner: "acme", role: "maintainer" }],
		expiresAt: at(2_592_000),
	},
	Session: {
		id: "se3f2c1b7e9d8a4f6b5c0d",
		openedAt: at(0),
		usedAt: at(60),
		expiresAt: at(2_592_000),
		from: "192.0.2.7",
		isCurrent: true,
	},
	SessionRequest: { token: madeToken },
	LogIndex: {
		length: 262_900,
		lines: 4_211,
		isInLine: false,
		isFinal: true,
		blocks: [
			{ offset: 0, line: 1 },
			{ offset: 262_150, line: 4_198 },
		],
	},
	PatchJobRequest: { priority: 10 },
	Pool: pool,
	PoolPatch: { paused: true, pauseNote: "the machines are moving" },
	Problem: problem,
	QueueFigures: queue,
	Readiness: {
		status: "ok",
		since: at(0),
		dependencies: { objects: { status: "ok", since: at(0), breaker: "closed" } },
	},
	RebuildRequest: {},
	Rebuilt: rebuilt,
	Redriven: { redriven: 3, more: false },
	RedriveRequest: { queue: "events" },
	RegisterRequest: { name: "builder-1", labels: ["linux", "x64"], capacity: 2, os: "linux", arch: "x64", version: "1" },
	Registered: registered,
	Repository: repository,
	RepositoryRequest: { cloneUrl: source.cloneUrl, maxRunning: 50, concurrencyGroups: { production: { limit: 1 } } },
	RepositoryLimitsRequest: { "waiting-jobs": 100_000, secrets: null },
	RetryJobRequest: { reason: "the network was down" },
	RetryRunRequest: { only: "failed", reason: "the network was down" },
	Run: run,
	Runner: runner,
	RunnerPatch: { draining: true },
	RotateRequest: {},
	SecretRequest: { value: "the-secret", refs: ["refs/heads/main"] },
	StartRequest: {},
	StepsRequest: { steps: [{ name: "test", exitCode: null, startedAt: at(3), logStart: 0 }] },
	Switches: switches,
	SwitchesPatch: { acceptRuns: false },
	Ticket: { ticket: "spw_ticket_eyJ2IjoxfQ_mac", expiresAt: at(60) },
	TicketRequest: {},
	Token: { ...tokenRecord, token: madeToken },
	TokenRecord: tokenRecord,
	TokenRequest: { owner: "acme", name: "bot", scopes: ["read", "write"], repos: ["web"] },
	RunRequest: pipeline,
	RunRequestLeast: { source: null, jobs: [{ key: "hello", run: "echo hello" }] },
	Secret: secret,
	RotatedSecrets: rotated,
	...identityExamples,
	IssuerList: { issuers: [{ name: "github", title: "GitHub" }] },
	// Of a shape without a name: the names of its fields.
	status: { status: "ok" },
};

/** What streams send, a message each. */
const messages: Readonly<Record<string, unknown>> = {
	FeedAcknowledgement: { type: "ack", length: 1_482, intervalSeconds: 1, lease: "ok" },
	LogAttempt: { type: "attempt", number: 2 },
	LogOutput: { type: "output", offset: 0, next: 6, text: "hello\n" },
	LogEnd: { type: "end", length: 1_482, sha256, outcome: "passed", state: "sealed" },
	RunSnapshot: { type: "snapshot", seq: 1, run },
	RunChanged: { type: "run", seq: 2, at: at(2), run: { ...watchedRun, state: "running", startedAt: at(2) } },
	JobChanged: { type: "job", seq: 3, at: at(44), job },
};

/** What a list is made of. */
const listed = [
	"AuditRecord",
	"DeadLetter",
	"Job",
	"LogFound",
	"Member",
	"Pool",
	"Repository",
	"Run",
	"Secret",
	"Session",
	"TokenRecord",
];

/** All of them by name, as OpenAPI keeps them. */
export function exampleComponents(): object {
	const pages = listed.map((shape) => {
		const value = { items: [values[shape]], nextCursor: null, asOf: at(60), stale: false };
		return [`${shape}Page`, { summary: "The last page", value }] as const;
	});
	const single = Object.entries(values).map(([name, value]) => [name, { value }] as const);
	return Object.fromEntries([...single, ...pages]);
}

/** Those of a shape; none: nobody wrote one. A page is called by what it lists. */
export function exampleNames(shape: string): string[] {
	const isThere = Object.hasOwn(values, shape) || listed.some((each) => `${each}Page` === shape);
	return isThere ? [shape, ...(shape === "RunRequest" ? ["RunRequestLeast"] : [])] : [];
}

/** Of a shape that streams send, whose example stands with the shape; undefined: it is none. */
export function messageExample(shape: string): unknown {
	return Object.hasOwn(messages, shape) ? messages[shape] : undefined;
}
