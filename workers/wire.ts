// Bindings to services: what the API is given for one request.
import { readPublicUrl } from "../src/domain/text/public-url.ts";
import type { Services } from "../src/doors/http/services.ts";
import { accept, refuse } from "../src/domain/refusal.ts";
import type { Result } from "../src/domain/refusal.ts";
import { logViewRequest, readNoLogView } from "../src/contracts/wire/sockets/log-view-request.ts";
import type { FeedCalls } from "../src/contracts/objects/feed.ts";
import type { RepositoryName } from "../src/contracts/objects/objects.ts";
import type { LogCalls } from "../src/contracts/objects/log-calls.ts";
import type { RunId } from "../src/domain/ids.ts";
import { readNoRunWatch, runWatchRequest } from "../src/contracts/wire/sockets/run-watch-request.ts";
import type { RunWatchCall } from "../src/contracts/wire/sockets/run-watch-request.ts";
import type { StreamRest } from "../src/contracts/wire/sockets/stream-token.ts";
import { CallRates, LocalRates } from "../src/operations/overload/call-rates.ts";
import { KnownLimits } from "../src/operations/overload/known-limits.ts";
import { platformLimitsOf, platformRates } from "./bindings/platform-rates.ts";
import type { PlatformLimits } from "./bindings/platform-rates.ts";
import { KnownLeases } from "../src/operations/leases/known-leases.ts";
import { KnownLines } from "../src/operations/logs/known-lines.ts";
import { KnownSpills } from "../src/operations/spill/known-spills.ts";
import { parseIdentityKeys } from "../src/auth/identity-keys.ts";
import type { IdentityKeys } from "../src/operations/ports.ts";
import { parseKeys, signToken } from "../src/auth/token.ts";
import type { Keys } from "../src/auth/token.ts";
import { sealedLogOf } from "./log/archive.ts";
import { writeAudit } from "./bindings/audit.ts";
import { numberOf } from "./env.ts";
import type { Env } from "./env.ts";
import { allowedOriginsOf, trustedProxiesOf } from "./env-lists.ts";
import { gatesOf } from "./gates.ts";
import { diskRoom } from "./bindings/machine.ts";
import { uploadSocketRequest, readNoUploadSocket } from "../src/contracts/wire/sockets/upload-socket-request.ts";
import { acceptSocket, followLog, readSocket } from "./log/log-sockets.ts";
import { deadLettersOf } from "./dead-letters/dead-letter-store.ts";
import { intakeOf } from "./intake/intake-store.ts";
import { issuersOf } from "./bindings/issuers.ts";
import { metrics } from "./metrics.ts";
import { projectionRows, repositoriesInArchive } from "./bindings/projection-rows.ts";
import { knownPage, readModel } from "./bindings/read-model.ts";
import { endsOf, sessionsOf } from "./owner/ends.ts";
import { connectRequest, readNoRunnerSocket } from "../src/contracts/wire/sockets/runner-socket.ts";
import { readArchived } from "../src/engine/repo/archive/repo-archive.ts";
import { report } from "./report.ts";
import { readReadiness } from "./readiness.ts";
import { readRunText } from "./repo/repo-outside.ts";
import { sealerOf, sealSecret } from "./bindings/sealing.ts";
import { guardedCalls } from "./bindings/guarded-calls.ts";
import { guardedStores } from "./bindings/breakers.ts";
import { changeSwitches, readSwitches, switchesNow } from "./switches/switches.ts";
import { waitForGrant } from "./pool/wait-for-grant.ts";
import { wholePool } from "./pool/whole-pool.ts";

const operatorTokenLengthMin = 16;

/** Of this isolate: what its calls know of leases, of spills, and of lines of logs. */
const leases = new KnownLeases();
const spills = new KnownSpills();
const lines = new KnownLines();

const ownerLimits = new KnownLimits();
/** On one machine the server counts by itself; tests do too unless they bind the platform's counters. */
const localRates = new CallRates(new LocalRates());
let platform: { limits: PlatformLimits; rates: CallRates } | null = null;

function callRatesOf(env: Env): CallRates {
	const limits = platformLimitsOf(env);
	if (limits === null) return localRates;
	if (platform?.limits["token-calls"] !== limits["token-calls"]) {
		platform = { limits, rates: new CallRates(platformRates(limits)) };
	}
	return platform.rates;
}

let parsed: { text: string; keys: Keys } | null = null;

export function wire(env: Env, later: (work: Promise<unknown>) => void): Services {
	if ((env.SPILLWAY_OPERATOR_TOKEN ?? "").length < operatorTokenLengthMin) {
		throw new Error(`the secret SPILLWAY_OPERATOR_TOKEN must have ${operatorTokenLengthMin} characters or more`);
	}
	const { repo, pool, log, feed, owner, person } = guardedCalls(env);
	const stores = guardedStores(env);
	const runs = { get: (name: RepositoryName, run: RunId) => readRunText(stores.ARCHIVE, name, run) };
	return {
		report,
		repo,
		pool,
		wholePool: (name) => wholePool(env, name, pool),
		poolShards: numberOf(env, "POOL_SHARDS"),
		log,
		sealedLog: (name) => sealedLogOf(stores.ARCHIVE, name, { cache: caches.default, later }),
		followLog: (call) => followLog(env, call),
		openUploadSocket: async (lease) => {
			const answer = await log(lease).fetch(uploadSocketRequest(lease));
			const refusal = await readNoUploadSocket(answer);
			return refusal === null ? accept(answer) : refuse(refusal);
		},
		followRun: async (name, { after }) => {
			const answer = await openRunWatch(feed(name), { after, rests: [] });
			return answer.ok ? accept((gone) => readSocket(answer.value, gone)) : answer;
		},
		openRunWatch: (name, call) => openRunWatch(feed(name), call),
		openLogView: (name, call) => openLogView(log(name), call),
		acceptSocket,
		archivedRun: (name, run) => readArchived(runs, { name, run, now: Date.now() }, () => scheduler.wait(0)),
		openSession: async (runner) => {
			const answer = await pool(runner).fetch(connectRequest({ kind: "session", runner }));
			const refusal = await readNoRunnerSocket(answer);
			return refusal === null ? accept(answer) : refuse(refusal);
		},
		waitForGrant: (poll, waitMs) => waitForGrant(env, poll, waitMs),
		readModel: readModel(env),
		knownPage,
		pageFile: (request) => env.ASSETS.fetch(request as never) as unknown as Promise<Response>,
		projectionRows: projectionRows(env),
		repositoriesInArchive: (owner) => repositoriesInArchive(env, owner),
		intake: intakeOf(stores),
		deadLetters: deadLettersOf(stores),
		spillAfterMs: numberOf(env, "SPILL_AFTER_MS"),
		switches: {
			current: () => switchesNow(env, later),
			set: (patch) => changeSwitches(env, patch),
			read: () => readSwitches(env),
		},
		owner,
		person,
		ends: endsOf(env, later),
		sessions: sessionsOf(env, later),
		writeAudit: (record) => writeAudit(env, record),
		leases,
		spills,
		publicUrl: publicUrlOf(env),
		identityKeys: () => identityKeysOf(env),
		lines,
		signToken: (kind, payload) => signToken(keysOf(env), kind, payload),
		keys: keysOf(env),
		sealingKeys: () => sealerOf(() => env.SPILLWAY_SEALING_KEYS).sealingKeys(),
		sealSecret: async (place, value) => sealSecret(env.SPILLWAY_SEALING_KEYS, place, value),
		operatorToken: env.SPILLWAY_OPERATOR_TOKEN,
		trustedProxies: trustedProxiesOf(env),
		allowedOrigins: allowedOriginsOf(env),
		issuers: issuersOf(env),
		metrics,
		gates: gatesOf(env),
		callRates: callRatesOf(env),
		ownerLimits,
		readiness: (call) => readReadiness(env, later, call),
		diskRoom: (call) => diskRoom(env, call),
		now: Date.now,
		later,
	};
}

async function openRunWatch(feed: FeedCalls, call: RunWatchCall): Promise<Result<Response>> {
	const answer = await feed.fetch(runWatchRequest(call));
	const no = await readNoRunWatch(answer);
	switch (no?.why) {
		case undefined:
			return accept(answer);
		case "refused":
			return refuse(no.refusal);
		case "events-compacted":
			return refuse({ code: "events-compacted" });
		case "watchers-max":
			return refuse({ code: "run-watchers-max" });
	}
}

/** Null: nothing of the log is in its object. */
async function openLogView(
	log: LogCalls,
	{ from, rests }: { from: number; rests: readonly StreamRest[] },
): Promise<Result<Response | null>> {
	const answer = await log.fetch(logViewRequest({ from, hasBegun: true, rests }));
	switch (readNoLogView(answer)) {
		case null:
			return accept(answer);
		case "log-elsewhere":
			return accept(null);
		case "past-end":
			return refuse({ code: "range-past-end", length: from });
		case "viewers-max":
			return refuse({ code: "log-viewers-max" });
	}
}

function keysOf(env: Env): Keys {
	if (parsed?.text !== env.SPILLWAY_SIGNING_KEYS) {
		parsed = { text: env.SPILLWAY_SIGNING_KEYS, keys: parseKeys(env.SPILLWAY_SIGNING_KEYS ?? "") };
	}
	return parsed.keys;
}

let identity: { text: string; keys: Promise<IdentityKeys> } | null = null;

/** Read with the first job that asks: to read an RSA key takes longer than a call. */
async function identityKeysOf({ SPILLWAY_IDENTITY_KEYS: text = "" }: Env): Promise<IdentityKeys | null> {
	if (text === "") return null;
	if (identity?.text !== text) identity = { text, keys: parseIdentityKeys(text) };
	return identity.keys;
}

function publicUrlOf({ SPILLWAY_URL: text = "" }: Env): string | null {
	const url = text === "" ? null : readPublicUrl(text);
	if (text !== "" && url === null) throw new Error("SPILLWAY_URL must be an http or https URL of a place alone");
	return url;
}
