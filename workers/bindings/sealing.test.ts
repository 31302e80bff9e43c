// Secrets at rest: what opens, where, and by which keys.
import { expect, it } from "vitest";
import { sealAnew } from "../../src/engine/secret-sealer.ts";
import { sealerOf, sealSecret } from "./sealing.ts";

const k1 = `k1:${"1".repeat(64)}`;
const k2 = `k2:${"2".repeat(64)}`;
const place = { owner: "acme", repo: "web", name: "TOKEN" };

function sealer(keys = k1) {
	return sealerOf(() => keys);
}

const sealed = () => sealer().seal(sealer().makeDataKey("acme", 1), place, "hunter2 ü");

it("[B32] a secret is sealed by its owner's data key, and that by the Worker's; neither is seen", () => {
	const key = sealer().makeDataKey("acme", 3);
	const text = sealer().seal(key, place, "hunter2 ü");
	expect(sealer().open(place, text)).toBe("hunter2 ü");
	expect(sealer().sealedBy(text)).toEqual({ sealingKey: "k1", dataKey: 3 });
	expect(text).not.toContain("hunter2");
	expect(sealer().seal(key, place, "hunter2 ü")).not.toBe(text);
	expect(sealer().makeDataKey("acme", 3).wrapped).not.toBe(key.wrapped);
});

it.each([
	["another owner's", { ...place, owner: "eve" }],
	["another repository's", { ...place, repo: "api" }],
	["the owner's own", { ...place, repo: null }],
	["another name's", { ...place, name: "OTHER" }],
])("[B32] moved to %s place it does not open, as it comes and as it is kept", (_, other) => {
	expect(() => sealer().open(other, sealed())).toThrow();
	expect(() => sealer().open(other, sealSecret(k1, place, "x"))).toThrow();
});

it("[B32] what was changed anywhere, and the data key of another owner or version, opens nothing", () => {
	const text = sealed();
	const parts = text.split(":");
	const flip = (part: string) => `${part.slice(0, 20)}${part[20] === "A" ? "B" : "A"}${part.slice(21)}`;
	for (const at of [2, 3]) {
		expect(() => sealer().open(place, parts.with(at, flip(parts[at] ?? "")).join(":"))).toThrow();
	}
	expect(() => sealer().open(place, parts.with(0, "2").join(":"))).toThrow();
	const eves = sealer().makeDataKey("eve", 1);
	expect(() => sealer().seal(eves, place, "x")).toThrow();
	const short = parts.with(3, (parts[3] ?? "").slice(0, 8)).join(":");
	expect(() => sealer().open(place, short)).toThrow();
});

it("[B33] what was sealed by the Worker's key directly opens, and is sealed by the data key once it is touched", () => {
	const old = sealSecret(k1, place, "hunter2");
	expect(sealer().open(place, old)).toBe("hunter2");
	expect(sealer().sealedBy(old)).toEqual({ sealingKey: "k1", dataKey: null });
	const key = sealer().makeDataKey("acme", 1);
	const anew = sealAnew(sealer(), key, place, old) ?? "";
	expect([sealer().open(place, anew), sealer().sealedBy(anew).dataKey]).toEqual(["hunter2", 1]);
	expect(sealAnew(sealer(), key, place, anew)).toBe(anew);
	expect(sealAnew(sealer(), key, { ...place, name: "OTHER" }, old)).toBeNull();
});

it("[B34] after the Worker's keys were changed all opens while the old one is there, and nothing that it sealed once it is gone", () => {
	const both = sealer(`${k2},${k1}`);
	const old = sealer().makeDataKey("acme", 1);
	const text = sealer().seal(old, place, "hunter2");
	expect(both.open(place, text)).toBe("hunter2");
	const wrapped = both.rewrapDataKey("acme", old);
	expect([both.sealedBy(wrapped.wrapped).sealingKey, wrapped.version]).toEqual(["k2", 1]);
	const anew = sealAnew(both, wrapped, place, text) ?? "";
	expect(both.sealedBy(anew)).toEqual({ sealingKey: "k2", dataKey: 1 });
	expect(sealer(k2).open(place, anew)).toBe("hunter2");
	expect(() => sealer(k2).open(place, text)).toThrow("not here any more");
	expect(both.sealingKeys()).toEqual(["k2", "k1"]);
});
