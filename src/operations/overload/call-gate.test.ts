import { expect, it } from "vitest";
import type { OperationalEvent } from "../../contracts/wire/operational-event.ts";
import type { CallClass, GatedCall } from "../../domain/overload/call-line.ts";
import { callLimits } from "../../domain/overload/overload-limits.ts";
import { CallGate } from "./call-gate.ts";

const call: GatedCall = { class: "list", owner: "a", repo: "web", cost: 1, waitMs: 60_000 };

function aGate() {
	const clock = { now: 1_000 };
	const events: OperationalEvent[] = [];
	const shed: CallClass[] = [];
	const limits = { ...callLimits, ownerCost: 1, cost: 3, waiting: { list: 1, view: 1, act: 1, submission: 1 } };
	const ports = {
		name: "calls" as const,
		now: () => clock.now,
		report: (event: OperationalEvent) => void events.push(event),
	};
	return { clock, events, shed, gate: new CallGate(limits, { ...ports, countShed: (of) => void shed.push(of) }) };
}

const here = () => new AbortController().signal;

it("[V10] the first call of a class that is shed and the end of it are reported once each, and every call is counted", async () => {
	const { gate, clock, events, shed } = aGate();
	const first = await gate.enter(call, here());
	const second = gate.enter(call, here());
	for (let more = 0; more < 5; more++) expect(await gate.enter(call, here())).toBeNull();
	expect(gate.waiting()).toEqual({ list: 1, view: 0, act: 0, submission: 0 });
	expect(events).toEqual([{ event: "shedding", line: "calls", class: "list", state: "began", calls: 1 }]);
	expect(shed).toEqual(["list", "list", "list", "list", "list"]);
	if (first) gate.leave(first);
	const next = await second;
	if (next) gate.leave(next);
	clock.now += 9_999;
	await gate.enter({ ...call, owner: "b" }, here());
	expect(events).toHaveLength(1);
	clock.now += 1;
	await gate.enter({ ...call, owner: "c" }, here());
	expect(events.slice(1)).toEqual([{ event: "shedding", line: "calls", class: "list", state: "ended", calls: 5 }]);
});

it("[V8] a caller that went is neither let in nor counted as shed, before it waits and while it does", async () => {
	const { gate, shed } = aGate();
	await gate.enter(call, here());
	expect(await gate.enter(call, AbortSignal.abort())).toBeNull();
	const gone = new AbortController();
	const waiting = gate.enter(call, gone.signal);
	gone.abort();
	expect(await waiting).toBeNull();
	expect([shed, gate.waiting().list]).toEqual([[], 0]);
});

it("[V7] a call that waits is shed when its time is over, whatever else happens or does not", async () => {
	const { gate, clock, shed } = aGate();
	await gate.enter(call, here());
	const waiting = gate.enter({ ...call, waitMs: 1 }, here());
	clock.now += 1;
	expect(await waiting).toBeNull();
	expect(shed).toEqual(["list"]);
});
