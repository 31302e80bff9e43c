// How long a call counts, without the clock.
import { expect, it } from "vitest";
import { DearCalls, dearCallsMax, quietMs } from "./dear-calls.ts";

it("[A61] a call that ended, or has moved nothing for ten seconds, does not count any more", () => {
	const calls = new DearCalls();
	const begun = Array.from({ length: dearCallsMax }, () => calls.begin("a", 0));
	expect(begun).not.toContain(null);
	expect(calls.begin("a", 1)).toBeNull();
	expect(calls.begin("b", 1)).not.toBeNull();
	const [first, second] = begun;
	if (!first || !second) throw new Error("none began");
	calls.end("a", first);
	calls.end("a", first);
	expect(calls.begin("a", 2)).not.toBeNull();
	expect(calls.begin("a", 2)).toBeNull();
	second.movedAt = quietMs - 1;
	expect(calls.begin("a", quietMs)).not.toBeNull();
	expect(calls.begin("a", quietMs)).not.toBeNull();
	expect(calls.begin("a", quietMs)).toBeNull();
});
