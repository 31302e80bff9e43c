import { describe, expect, it } from "vitest";
import { logLeftGraceMs, logSealGraceMs } from "../limits.ts";
import {
	decideAppend,
	decideSeal,
	isAdrift,
	isComplete,
	openRecord,
	recordAt,
	sealAgainAt,
	sealedRecord,
} from "./log.ts";
import type { Log } from "./log.ts";

const open: Log = { epoch: 3, length: 100, bytesMax: 1_000, closed: null, frozen: false };
const declared = { outcome: "passed" as const, length: 150, sha256: null, at: 10_000 };
const closing: Log = { ...open, closed: declared };
const lost: Log = { ...open, closed: { ...declared, outcome: "lost", length: null } };
const frozen: Log = { ...closing, frozen: true };

function refused(code: string, facts: object = {}) {
	return { ok: false, refusal: { code, ...facts } };
}

function taken(skip: number, take: number) {
	return { ok: true, value: { skip, take } };
}

describe("decideAppend", () => {
	const cases: [rule: string, what: string, log: Log, offset: number, size: number, expected: object][] = [
		["L1", "at the end", open, 100, 50, taken(0, 50)],
		["L1", "nothing at the end", open, 100, 0, taken(0, 0)],
		["L1", "with overlap", open, 60, 50, taken(40, 10)],
		["L1", "all of it here already", open, 0, 100, taken(100, 0)],
		["L1", "with a gap", open, 101, 1, refused("log-gap", { length: 100 })],
		["L3", "up to the limit", open, 100, 900, taken(0, 900)],
		["L3", "past the limit", open, 100, 901, refused("log-limit", { max: 1_000 })],
		["L3", "up to the declared length", closing, 100, 50, taken(0, 50)],
		["L3", "past the declared length", closing, 100, 51, refused("log-limit", { max: 150 })],
		["L4", "after nothing was declared", lost, 100, 1, refused("lease-stale")],
		["L4", "once sealing has begun", frozen, 100, 50, refused("log-sealed", { length: 100 })],
		["L4", "once sealing has begun, all of it here already", frozen, 50, 50, taken(50, 0)],
	];
	for (const [rule, what, log, offset, size, expected] of cases) {
		it(`[${rule}] ${what}`, () => {
			expect(decideAppend(log, { epoch: 3, offset, size, kind: "live" })).toEqual(expected);
		});
	}

	it("[L2] another epoch is refused in every state, lower or higher", () => {
		for (const log of [open, closing, lost, frozen]) {
			for (const epoch of [2, 4])
				expect(decideAppend(log, { epoch, offset: 0, size: 1, kind: "last" })).toEqual(refused("lease-stale"));
		}
	});
});

describe("isComplete", () => {
	it.each([
		["open", open, false],
		["closed, with bytes to come", closing, false],
		["closed, with all that was declared", { ...closing, length: 150 }, true],
		["frozen", frozen, true],
	])("[L4] %s: exactly when nothing more is taken", (_, log, expected) => {
		expect(isComplete(log)).toBe(expected);
		expect(decideAppend(log, { epoch: 3, offset: log.length, size: 1, kind: "live" }).ok).toBe(!expected);
	});
});

describe("decideSeal", () => {
	it("[L5] an open log is left alone; a closed one waits for what was declared", () => {
		expect(decideSeal(open, 0)).toEqual({ kind: "open" });
		const until = declared.at + logSealGraceMs;
		expect(decideSeal(closing, until - 1)).toEqual({ kind: "wait", until });
		expect(decideSeal({ ...closing, length: 150 }, 0)).toEqual({ kind: "seal", missing: [] });
	});

	it("[L6] after the grace, or once it has begun, it is sealed with what is missing", () => {
		const partial = { kind: "seal", missing: [{ from: 100, to: 150 }] };
		expect(decideSeal(closing, declared.at + logSealGraceMs)).toEqual(partial);
		expect(decideSeal(frozen, 0)).toEqual(partial);
	});

	it("[L7] a log of which nothing was declared waits for its own grace, and once that is over says that it knows no end", () => {
		const until = declared.at + logLeftGraceMs;
		const partial = { kind: "seal", missing: [{ from: 100, to: null }] };
		expect(decideSeal(lost, until - 1)).toEqual({ kind: "wait", until });
		expect(decideSeal(lost, until)).toEqual(partial);
		expect(decideSeal({ ...lost, frozen: true }, 0)).toEqual(partial);
	});

	it("[L36] meanwhile it takes what was left, within its limit, and nothing that a job prints now", () => {
		const from = { epoch: 3, offset: 60, size: 50 };
		for (const kind of ["left", "last"] as const) {
			expect(decideAppend(lost, { ...from, kind })).toEqual(taken(40, 10));
			expect(decideAppend(lost, { ...from, offset: 101, kind })).toEqual(refused("log-gap", { length: 100 }));
			expect(decideAppend(lost, { ...from, size: 941, kind })).toEqual(refused("log-limit", { max: 1_000 }));
			expect(decideAppend({ ...lost, frozen: true }, { ...from, kind })).toEqual(
				refused("log-sealed", { length: 100 }),
			);
		}
		expect(decideAppend(lost, { ...from, kind: "live" })).toEqual(refused("lease-stale"));
		expect([open, closing, lost, { ...lost, frozen: true }].map(isAdrift)).toEqual([false, false, true, false]);
	});

	it("[L8] the record says sealed, partial or mismatch", () => {
		const whole: Log = { ...closing, length: 150 };
		expect(sealedRecord(whole, [], "aa")).toEqual({ state: "sealed", length: 150, sha256: "aa", missing: [] });
		const told: Log = { ...whole, closed: { ...declared, sha256: "bb" } };
		expect(sealedRecord(told, [], "bb").state).toBe("sealed");
		expect(sealedRecord(told, [], "aa").state).toBe("mismatch");
		expect(sealedRecord({ ...whole, length: 160 }, [], "aa").state).toBe("mismatch");
		expect(sealedRecord(told, [{ from: 1, to: 2 }], "aa").state).toBe("partial");
	});

	it("[L5] before that it is live, then sealing", () => {
		expect(openRecord(open)).toMatchObject({ state: "live", length: null });
		expect(openRecord(closing)).toMatchObject({ state: "sealing", length: 150 });
	});

	it("[L28] it says deleted from the moment on until which it is kept", () => {
		const record = sealedRecord({ ...closing, length: 150 }, [], "aa");
		expect(recordAt(record, Number.MAX_SAFE_INTEGER)).toEqual(record);
		const kept = { ...record, expiresAt: 1_000 };
		expect(recordAt(kept, 999)).toEqual(kept);
		expect(recordAt(kept, 1_000)).toEqual({ ...kept, state: "deleted" });
	});

	it("[L9] tries get rarer and never stop", () => {
		const waits = [1, 2, 3, 20, 200].map((tries) => sealAgainAt(tries, 0));
		expect(waits).toEqual([1_000, 2_000, 4_000, 300_000, 300_000]);
	});
});
