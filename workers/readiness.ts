// What this Worker needs, and how each part is asked: by what is needed of it. A database that answers `SELECT 1` may have none
// of the tables.
import { getTableColumns, getTableName } from "drizzle-orm";
import { Readiness } from "../src/doors/http/readiness.ts";
import type { Dependency, ReadinessAnswer, Trouble } from "../src/doors/http/readiness.ts";
import type { Issuers } from "../src/auth/issuers/issuers.ts";
import type { Breakers, Single } from "../src/operations/breakers/breakers.ts";
import { timeText } from "../src/contracts/wire/time-text.ts";
import * as schema from "../src/store/schema.ts";
import type { Env } from "./env.ts";
import { breakersOf, guarded } from "./bindings/breakers.ts";
import { issuersOf } from "./bindings/issuers.ts";
import { diskRoom } from "./bindings/machine.ts";
import { readSwitches } from "./switches/switches.ts";
import { report } from "./report.ts";

/** Each column by its table: a bare name in quotes that is no column would be taken for a text, and answer. */
const tableQueries = Object.values(schema).map((table) => {
	const name = getTableName(table);
	const columns = Object.values(getTableColumns(table)).map((column) => `"${name}"."${column.name}"`);
	return `SELECT ${columns.join(", ")} FROM "${name}" LIMIT 1`;
});

/** A write costs as much as a dozen reads, so one is tried by each instance once a minute while writes are taken. */
const archiveWrittenMs = 60_000;
/** An object takes one write a second: instances that look at the same time mostly write different ones. */
const archiveProbes = 64;

/** [K8] Whatever the breaker says: a look is a probe where one is wanted, so what nobody asks for comes back too. */
const always = { mustPass: true };

const known = new WeakMap<Env, Readiness>();
const archiveWrittenAt = new WeakMap<Env, number>();

/** As this isolate saw it, at most some seconds ago. */
export function readReadiness(
	env: Env,
	later: (work: Promise<unknown>) => void,
	{ isForOperator }: { isForOperator: boolean },
): Promise<ReadinessAnswer> {
	const readiness = known.get(env) ?? new Readiness(() => Date.now(), complain);
	known.set(env, readiness);
	const breakers = breakersOf(env);
	const behindBreaker = (of: Single) => ({ isVital: false, trouble: () => troubleOf(breakers, of) });
	const dependencies: Dependency[] = [
		{
			name: "database",
			look: () => guarded(env, "database", () => lookAtTables(env), always),
			...behindBreaker("database"),
		},
		{
			name: "archive",
			look: () => guarded(env, "archive", () => lookAtArchive(env), always),
			...behindBreaker("archive"),
		},
		// Only what was sent shows how they are.
		{ name: "queues", look: async () => null, ...behindBreaker("queues") },
		// The one object that every installation has, and that no submission waits for.
		{
			name: "objects",
			isVital: true,
			look: () => readSwitches(env),
			trouble: () => troubleOfObjects(breakers, isForOperator),
		},
	];
	const issuers = issuersOf(env);
	// Asks no issuer: whether one is well is seen when somebody signs in.
	if (issuers.all.length + issuers.faults.length > 0) {
		dependencies.push({ name: "sign-in", look: async () => null, ...withFaults(issuers, isForOperator) });
	}
	if (env.MACHINE) dependencies.push({ name: "disk", isVital: true, look: () => lookForRoom(env) });
	return readiness.read(dependencies, later);
}

function lookAtTables({ DB }: Env): Promise<unknown> {
	return DB.batch(tableQueries.map((query) => DB.prepare(query)));
}

/** Open, it is asked nothing: to whoever asks this instance it is down. */
function troubleOf(breakers: Breakers, of: Single): Trouble {
	const { state, since } = breakers.shown(of);
	return { status: state === "open" ? "down" : "degraded", since, shown: { breaker: state } };
}

/** [A114] Everything else goes on without one of the issuers. */
function withFaults(issuers: Issuers, isForOperator: boolean): Pick<Dependency, "isVital" | "trouble"> {
	const { faults, readAt: since } = issuers;
	if (faults.length === 0) return { isVital: false };
	const shown = isForOperator ? { faults: [...faults] } : {};
	return { isVital: false, trouble: () => ({ status: "degraded", since, shown }) };
}

/** [K14] Some objects in trouble leave all others as they are. */
function troubleOfObjects(breakers: Breakers, isForOperator: boolean): Trouble {
	const { open, worst } = breakers.shownObjects();
	const shown = worst.map(({ name, since, ...rest }) => {
		return { ...rest, since: timeText(since), ...(isForOperator ? { name } : {}) };
	});
	return { status: "degraded", since: worst[0]?.since ?? null, shown: { breakers: { open, worst: shown } } };
}

/** An archive that can be read may take no log: so it is written to. What was refused is tried again by the next look. */
async function lookAtArchive(env: Env): Promise<void> {
	const probe = `readyz/${Math.floor(Math.random() * archiveProbes)}`;
	const writtenAt = archiveWrittenAt.get(env) ?? Number.NEGATIVE_INFINITY;
	if (Date.now() - writtenAt < archiveWrittenMs) {
		await env.ARCHIVE.head(probe);
		return;
	}
	await env.ARCHIVE.put(probe, new Date().toISOString());
	archiveWrittenAt.set(env, Date.now());
}

/** Below the reserve nothing new is accepted: that is what `down` says. */
async function lookForRoom(env: Env): Promise<void> {
	const room = await diskRoom(env, { isFresh: true });
	if (room !== "ample") throw new Error(`the disk's room is ${room}`);
}

function complain(dependency: string, cause: unknown): void {
	report({ event: "dependency-down", dependency, cause: String(cause) });
}
