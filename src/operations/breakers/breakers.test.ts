// Calls through breakers: what counts against a far end, what is refused at once, what never is, and where the table's bound is.
import { expect, it } from "vitest";
import { Outage } from "../../contracts/wire/outage.ts";
import { handClock, noon } from "../../testing/clock.ts";
import { callsMin, openMaxMs, probesMax, slowCallMs } from "../../domain/breaker.ts";
import { Breakers } from "./breakers.ts";
import type { FarEnd } from "./breakers.ts";
import { forgottenMs, objectsMax } from "./object-breakers.ts";

const database: FarEnd = { of: "database" };
const web: FarEnd = { of: "repositories", name: "acme/web" };

function rig() {
	const now = handClock();
	const events: object[] = [];
	const counted: string[] = [];
	const timers = new Set<{ at: number; ring(): void }>();
	const breakers = new Breakers({
		now,
		random: () => 0,
		wait(ms) {
			const { promise, resolve } = Promise.withResolvers<void>();
			const timer = { at: now() + ms, ring: resolve };
			timers.add(timer);
			return { done: promise, cancel: () => void timers.delete(timer) };
		},
		report: (event) => void events.push(event),
		count: (of, end) => void counted.push(`${of} ${end}`),
	});
	const pass = async (ms: number) => {
		now.advance(ms);
		for (const timer of timers) {
			if (timer.at <= now()) {
				timers.delete(timer);
				timer.ring();
			}
		}
		await Promise.resolve();
	};
	const ends = (to: FarEnd, count: number, work: () => Promise<unknown>) =>
		Promise.allSettled(Array.from({ length: count }, () => breakers.call(to, work)));
	return { breakers, now, events, counted, timers, pass, ends };
}

const well = async () => "answer";
const away = () => Promise.reject(new Outage("away"));
const never = () => new Promise<never>(() => undefined);

it("[K7] what an open breaker refuses fails at once, is not made, and may safely be sent again", async () => {
	const { breakers, ends, counted, events, pass, now } = rig();
	await ends(database, callsMin, away);
	let made = 0;
	const refused = breakers.call(database, async () => made++);
	await expect(refused).rejects.toMatchObject({ name: "Outage", isSafeToRepeat: true });
	expect([made, breakers.shown("database")]).toEqual([0, { state: "open", since: noon }]);
	expect(counted).toEqual([...Array.from({ length: callsMin }, () => "database failed"), "database refused"]);
	await pass(openMaxMs);
	for (let probes = 0; probes < probesMax; probes++) expect(await breakers.call(database, well)).toBe("answer");
	expect(breakers.shown("database")).toEqual({ state: "closed", since: null });
	expect(events).toEqual([
		{ event: "breaker-opened", dependency: "database", name: null, cause: "Outage: away" },
		{ event: "breaker-closed", dependency: "database", name: null, openMs: now() - noon },
	]);
});

it("[K9] a refusal, a fault of ours or of the caller's is an answer; an outage of another object's too counts", async () => {
	const { breakers, ends, counted } = rig();
	await ends(database, 20, () => Promise.reject(new Error("UNIQUE constraint failed")));
	await ends(database, 20, async () => ({ ok: false, refusal: { code: "run-unknown" } }));
	expect(breakers.shown("database").state).toBe("closed");
	expect(new Set(counted)).toEqual(new Set(["database well"]));
	await ends(database, 40, () => Promise.reject(Object.assign(new Error("crossed"), { name: "Outage" })));
	expect(breakers.shown("database").state).toBe("open");
});

it("[K9] a call that hangs counts as soon as it is slow, once, and not at all where it may take long", async () => {
	const { breakers, counted, pass, timers } = rig();
	const slow = Array.from({ length: callsMin }, () => Promise.withResolvers<string>());
	const asked = slow.map(({ promise }) => breakers.call(database, () => promise));
	const long = Array.from({ length: callsMin }, () => breakers.call(web, never, { mayTakeLong: true }));
	await pass(slowCallMs - 1);
	expect(counted).toEqual([]);
	await pass(1);
	expect(breakers.shown("database").state).toBe("open");
	expect(breakers.shownObjects().open.repositories).toBe(0);
	// What was let through gets its answer, however late.
	for (const { resolve } of slow) resolve("late");
	expect(new Set(await Promise.all(asked))).toEqual(new Set(["late"]));
	expect(counted).toEqual(Array.from({ length: callsMin }, () => "database slow"));
	expect([timers.size, long.length]).toEqual([0, callsMin]);
});

it("[K8] what must pass is made while the breaker is open, and is a probe where one is wanted", async () => {
	const { breakers, ends, pass, counted } = rig();
	const must = (work: () => Promise<unknown>) => breakers.call(database, work, { mustPass: true });
	await ends(database, callsMin, away);
	for (let calls = 0; calls < 10; calls++) expect(await must(well)).toBe("answer");
	expect([breakers.shown("database").state, counted.includes("database refused")]).toEqual(["open", false]);
	await pass(openMaxMs);
	for (let probes = 0; probes < probesMax; probes++) await must(well);
	expect(breakers.shown("database").state).toBe("closed");
	await Promise.allSettled(Array.from({ length: callsMin }, () => must(away)));
	expect(breakers.shown("database").state).toBe("open");
});

it("[K10] each object has a breaker of its own: one that is broken shuts out no other, nor one of another kind by its name", async () => {
	const { breakers, ends } = rig();
	await ends(web, callsMin, away);
	await expect(breakers.call(web, well)).rejects.toThrow("the breaker is open");
	for (const to of [{ ...web, name: "acme/api" }, { ...web, of: "pools" as const }, database]) {
		expect(await breakers.call(to, well)).toBe("answer");
	}
	expect(breakers.shownObjects()).toEqual({
		open: { repositories: 1, pools: 0, logs: 0, feeds: 0, owners: 0, people: 0 },
		worst: [{ kind: "repositories", name: "acme/web", state: "open", since: noon }],
	});
});

it("[K10] at the table's bound the calm are forgotten first; full of broken ones it guards no other, whose calls are made", async () => {
	const { breakers, ends, now } = rig();
	const named = (at: number): FarEnd => ({ of: "logs", name: `acme/web/${at}` });
	await ends(web, callsMin, away);
	for (let at = 0; at < 2 * objectsMax; at++) await ends(named(at), 1, well);
	await expect(breakers.call(web, well)).rejects.toThrow("the breaker is open");
	for (let at = 0; at < objectsMax; at++) await ends(named(at), callsMin, away);
	expect(breakers.shownObjects().open).toMatchObject({ repositories: 1, logs: objectsMax - 1 });
	expect(breakers.shownObjects().worst).toHaveLength(5);
	for (let calls = 0; calls < 10; calls++) {
		const late = named(objectsMax - 1);
		await expect(breakers.call(late, away)).rejects.toThrow("away");
		expect(await breakers.call(late, well)).toBe("answer");
	}
	// Nobody wanted them for ten minutes: they make room, and are in trouble no more.
	now.advance(forgottenMs);
	expect(await breakers.call(named(objectsMax + 1), well)).toBe("answer");
	expect(breakers.shownObjects().worst).toEqual([]);
});
