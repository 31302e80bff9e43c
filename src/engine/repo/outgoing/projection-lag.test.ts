import { expect, it } from "vitest";
import type { Millis } from "../../../domain/ids.ts";
import { ProjectionLag } from "./projection-lag.ts";

const now = 1_000_000;

function aLag(): { lag: ProjectionLag; noted: (Millis | null)[] } {
	const noted: (Millis | null)[] = [];
	return { lag: new ProjectionLag((since) => noted.push(since)), noted };
}

it("[M5] the oldest unconfirmed change counts, whatever came after it", () => {
	const { lag, noted } = aLag();
	lag.woke([]);
	lag.changed("a", { since: now - 9_000, version: now - 9_000 });
	lag.changed("b", { since: now - 5_000, version: now - 5_000 });
	lag.changed("a", { since: now - 1_000, version: now - 1_000 });
	expect(lag.ms(now)).toBe(9_000);
	// Some change of a after this version is missing: it was made after it.
	lag.confirmed([{ id: "a", version: now - 8_000 }]);
	expect(lag.ms(now)).toBe(8_000);
	lag.confirmed([{ id: "a", version: now - 1_000 }]);
	expect(lag.ms(now)).toBe(5_000);
	lag.confirmed([{ id: "b", version: now - 5_000 }]);
	expect(lag.ms(now)).toBe(0);
	expect(noted).toEqual([null, now - 9_000, now - 8_000, now - 5_000, null]);
});

it("[M5] after waking the lag is not known until the runs that were open are seen in the read model", () => {
	const { lag, noted } = aLag();
	lag.woke(["a", "b"]);
	expect(lag.ms(now)).toBeNull();
	lag.seen("a");
	expect(lag.ms(now)).toBeNull();
	lag.confirmed([{ id: "b", version: 1 }]);
	expect(lag.ms(now)).toBe(0);
	expect(noted).toEqual([null]);
});

it("[M5] a change of which it is known that it is missing counts, also while others are not known", () => {
	const { lag } = aLag();
	lag.woke(["a", "b"]);
	lag.changed("b", { since: now - 2_000, version: now - 2_000 });
	expect(lag.ms(now)).toBe(2_000);
	lag.confirmed([{ id: "b", version: now - 2_000 }]);
	expect(lag.ms(now)).toBeNull();
});
