// The bounds that callers meet or that several files share: the number, its unit, why it is that and what happens at it. A bound
// of one file alone stands there.

/** A request body; larger is 413. One RPC to an object may carry 32 MiB, so this leaves room for the parsed form. */
export const requestBytesMax = 1024 * 1024;
/** Jobs in one request (400) and in one run (409 `run-jobs-max`): a run is settled in one decision, which is held in memory. */
export const requestJobsMax = 1_000;
export const runJobsMax = 10_000;
/** Steps of one job; the rest belongs in a script. */
export const jobStepsMax = 100;
/** Labels of one job or one runner. A pool compares them for each pair of a waiting label set and a free runner. */
export const labelsMax = 16;
/** How long a submission may take at its repository's object before it is spilled: twice what waking with 50,000 open jobs takes. */
export const spillAfterMs = 2_000;
/** Clocks of two machines may differ by so much: a repository drops a submission only when its caller has gone for longer. */
export const clockSkewMaxMs = 5_000;
/** Which run of a ref supersedes others is remembered for those that were spilled before it: an outage rarely takes longer. */
export const supersedingKeptMs = 24 * 60 * 60 * 1_000;
/** A spilled run that its repository could not take at all stays readable for so long, with the reason. */
export const spillRefusedKeptMs = 7 * 24 * 60 * 60 * 1_000;
/** Spilled runs that one visit drains from one repository's intake; then the bell is rung again. */
export const drainRunsMax = 200;
/** Idempotency keys are kept this long, then the sweep forgets them. */
export const idempotencyKeptMs = 24 * 60 * 60 * 1_000;

/** A grant must be started within this long, or it lapses and the job waits again. */
export const startBySeconds = 10;
/** How much later than `startBySeconds` the object lets a grant lapse: the start may be on its way. */
export const startMarginMs = 2_000;
/** Backoff after a grant that nobody started: 1 s, 2 s, 4 s … and never longer than a minute. It uses up no attempt. */
export const lapseBackoffMs = 1_000;
export const lapseBackoffMaxMs = 60_000;

/** A lease that nobody renewed for this long is lost. With a look every `livenessCheckMs` that is 45 s at the latest. */
export const renewSeconds = 30;
export const livenessCheckMs = 15_000;
/** A look that comes later than this means the object was away: a crash, a deploy, a late alarm. */
export const lateLookMs = 5_000;
/** After a restart of the object itself nobody could renew: everybody gets this long from when it was noticed. */
export const restartGraceMs = 60_000;
/** Runners are asked to renew this often: three tries fit before a lease is lost. */
export const heartbeatSeconds = 10;
/** An exclusive job is stopped by its own runner after this long without contact. */
export const stopAfterSeconds = 30;
/** How much longer an exclusive job's slot is held after its runner must have stopped it: SIGTERM, grace, SIGKILL. */
export const exclusiveMarginMs = 20_000;
/** A job whose runner was lost this often in a row is not given to another, unless it says how often. */
export const lossesMax = 3;
/** For this long a job whose runner was lost, stopped it or could not run it is kept from that runner, so that another may take it. */
export const avoidMs = 15_000;
/** Wait before a job whose runner was lost goes to another. */
export const lossBackoffMs = 1_000;
/** A job that its runners stopped this often in a row, drained or cut off, is not given to another. */
export const interruptionsMax = 10;
/** Wait before a job that its runner stopped goes to another: 1 s, 2 s, 4 s … and never longer than a minute. */
export const interruptionBackoffMs = 1_000;
export const interruptionBackoffMaxMs = 60_000;
/**
 * A job that this many machines in a row could not run is not given to another. A broken runner says so and is asked no more, so
 * only a job that breaks its machines, or a fleet that is broken in a way it cannot see, comes to it.
 */
export const machineFaultsMax = 10;
/** Wait before a job that a machine could not run goes to another: 1 s, 2 s, 4 s … and never longer than a minute. */
export const machineFaultBackoffMs = 1_000;
export const machineFaultBackoffMaxMs = 60_000;
/** A runner whose machine failed a job and that says nothing of itself is left alone for 2 s, 4 s … and never longer than five minutes. */
export const faultyRestMs = 2_000;
export const faultyRestMaxMs = 5 * 60_000;

/** Between SIGTERM and SIGKILL. */
export const graceSeconds = 10;
/** How much later than the runner the object itself ends a job that overran its time. */
export const overrunMarginMs = 60_000;
/**
 * How much later than its grace the object itself ends a canceled job. A runner that lost contact just before the cancel
 * stops an exclusive job by itself after `stopAfterSeconds` and the grace; less than that, and two runners do one deploy.
 */
export const cancelMarginMs = 40_000;
/** A job may wait for its needs this long; then it has `expired`, so that no run stays open for ever. */
export const blockedMaxMs = 7 * 24 * 60 * 60 * 1_000;

/** Longest wait that a job itself may ask for with `retryAfterSeconds`; more is cut to this. */
export const retryAfterSecondsMax = 3_600;
/** A point of priority is worth this much waiting time: priority 10 passes jobs up to ten minutes older, and nobody starves. */
export const agingMs = 60_000;

/**
 * Jobs that are read, written or shown before others on the same thread have their turn: some 5 ms on two virtual processors.
 * Fewer cost each long act more rounds, more make everybody else's every step wait longer.
 */
export const sliceJobs = 200;
/** Jobs that one bulk retry takes, runs and job rows that it looks at: one turn of the object, 0.4 s where 35,000 runs are kept. */
export const bulkRetryMax = 1_000;
export const bulkRunsMax = 5_000;
export const bulkRowsMax = 50_000;

/** Archived runs that a bulk retry counts the jobs of: a quarter of a second of the object's time. */
export const bulkTombstonesMax = 100_000;
/** Jobs that one bulk cancel takes. */
export const bulkCancelMax = 1_000;

/** Acts stay in the audit for this long: a year and a month, so that each year's can be looked through. */
export const auditKeptMs = 400 * 24 * 60 * 60 * 1_000;
/** Acts forgotten by one round of the sweep, each minute: more than are made, and a delete that D1 does not feel. */
export const auditSliceMax = 1_000;

/** Jobs handed out by one claim, timers handled by one alarm, and messages sent per round: longer turns would block the object. */
export const claimMax = 32;
export const alarmSliceMax = 500;
export const outboxSliceMax = 100;
/** The repository announces waiting jobs again this often, so that a lost wake-up is a delay and nothing else. */
export const demandRepeatMs = 30_000;
/** A pool that is asked what waits asks the repositories that have not said so for this long. */
export const demandFreshMs = 5_000;
/** Repositories that one shard asks for one answer: a call has a thousand of them, and an object six connections. */
export const demandAskedMax = 50;
/** No alarm is set nearer than this, so that a bug in a deadline cannot spin. */
export const alarmNearestMs = 20;
/** First and longest wait before an effect (a message, a call) that failed is sent again. */
export const tellAgainMs = 1_000;
export const tellAgainMaxMs = 60_000;

/** One append to a log; larger is 413. */
export const appendBytesMax = 1024 * 1024;
/** Raw bytes in one compressed block of a log: what a `Range` read must unpack at least. Moving it moves the archive's format. */
export const logBlockBytes = 256 * 1024;
/** Output in one live message. */
export const logFrameBytesMax = 64 * 1024;
/** After finish the log waits this long for bytes that were declared and have not come; then it is sealed as `partial`. */
export const logSealGraceMs = 10 * 60_000;
/**
 * The log of an attempt whose runner is gone waits this long for what that left on its disk: a machine that restarts, or a
 * supervisor that starts the runner anew, is back by then. So long its log says `sealing`; nobody who follows it waits.
 */
export const logLeftGraceMs = 5 * 60_000;

/** Long polls end after this long at the latest. */
export const acquireWaitSecondsMax = 30;
/**
 * Shards of a pool: each wake-up of a repository is a call to every one. One shard takes some hundred events a second, a job is
 * three: sixteen are good for a thousand jobs a second, and more calls per wake-up than that would slow the repository.
 */
export const poolShardsMax = 16;
/** How much more of a pool a repository may have than one of weight 1. */
export const poolWeightMax = 100;
/** For this long a runner that let a grant lapse is served after all others; then it is tried again like them. */
export const lapseForgivenMs = 10 * 60_000;
/** The pool forgets a registered runner after a day without contact and without leases. */
export const runnerForgottenMs = 24 * 60 * 60 * 1_000;
/**
 * The pool forgets a runner for one job after this long without contact and without leases: it keeps no registration, so the
 * process that died does not come back as it.
 */
export const ephemeralForgottenMs = 15 * 60_000;
/** Slots of one runner. */
export const runnerCapacityMax = 1_000;

/** Attempts of a job in a run's feed; older ones are one GET away. Without a bound a job that people retry for years would fit no row. */
export const watchedAttemptsMax = 20;

/** A browser's session ends after this, however much it is used: then its person signs in again, and the issuer is asked anew. */
export const sessionMs = 30 * 24 * 60 * 60 * 1_000;
/** A session that was not used for this long has ended: a week's absence, and a cookie that was forgotten somewhere is worth nothing. */
export const sessionIdleMs = 7 * 24 * 60 * 60 * 1_000;
/** Sessions of one person, token or operator; past it the one that was not used for longest ends. All are read at each look. */
export const sessionsMax = 50;
/** Members and invitations of one owner (409 `members-max`): as many as one page of a list, five times over. */
export const membersMax = 500;
/** Invitations that one sign-in takes; the next one takes more. */
export const invitationsTakenMax = 100;
/** Runners that a registration token which counts may register: its owner's object keeps a row for each. More want a token without a count. */
export const registrationUsesMax = 1_000;
/** A job's identity token lives for so long, and no longer than the job may run: one exchange, and the time that clocks differ. */
export const jobIdentityMs = 600_000;
/**
 * Identity tokens of one lease in a minute; one more is 429 `limit-id-tokens`. A job wants one for each audience; each is a
 * signature of about a millisecond.
 */
export const jobIdentitiesPerMinute = 30;
/** Characters of an audience: a URL or a name; what is longer is no far end's. */
export const audienceMax = 255;
