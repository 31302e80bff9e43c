// What `/readyz` makes of what its dependencies say, and how often it asks them.
import { expect, it } from "vitest";
import { Readiness } from "./readiness.ts";
import type { Dependency } from "./readiness.ts";

const at = (ms: number) => new Date(ms).toISOString();

function rig() {
	let now = 0;
	const told: string[] = [];
	const readiness = new Readiness(
		() => now,
		(name) => void told.push(name),
	);
	const says: Record<"database" | "objects", () => Promise<unknown>> = {
		database: async () => null,
		objects: async () => null,
	};
	let looks = 0;
	const dependencies: Dependency[] = [
		{ name: "database", isVital: false, look: () => says.database() },
		{
			name: "objects",
			isVital: true,
			look() {
				looks++;
				return says.objects();
			},
		},
	];
	const read = async (ms: number) => {
		now = ms;
		const { status, since, dependencies: shown } = await readiness.read(dependencies, () => undefined);
		const each = Object.entries(shown).map(([name, seen]) => `${name} ${seen.status} ${seen.since}`);
		return [`${status} ${since}`, ...each];
	};
	const tick = (ms: number) => {
		now += ms;
	};
	return { says, told, read, looks: () => looks, tick };
}

it("[A42] what is not vital makes it degraded, what is makes it down, each since when it was seen so", async () => {
	const { says, told, read } = rig();
	expect(await read(0)).toEqual([`ok ${at(0)}`, `database ok ${at(0)}`, `objects ok ${at(0)}`]);
	says.database = async () => Promise.reject(new Error("no such table: run"));
	expect(await read(10_000)).toEqual([`degraded ${at(10_000)}`, `database down ${at(10_000)}`, `objects ok ${at(0)}`]);
	expect((await read(20_000))[1]).toBe(`database down ${at(10_000)}`);
	says.objects = async () => Promise.reject(new Error("away"));
	expect(await read(30_000)).toEqual([
		`down ${at(30_000)}`,
		`database down ${at(10_000)}`,
		`objects down ${at(30_000)}`,
	]);
	expect(told).toEqual(["database", "objects"]);
	says.database = says.objects = async () => null;
	expect(await read(40_000)).toEqual([`ok ${at(40_000)}`, `database ok ${at(40_000)}`, `objects ok ${at(40_000)}`]);
});

it("[A42] an answer that took long makes its dependency degraded", async () => {
	const { says, read, tick } = rig();
	says.database = async () => tick(1_001);
	expect(await read(0)).toEqual([`degraded ${at(1_001)}`, `database degraded ${at(1_001)}`, `objects ok ${at(1_001)}`]);
});

it("[A42] however many ask, each dependency is looked at once in five seconds", async () => {
	const { says, read, looks } = rig();
	await read(0);
	for (let ms = 0; ms < 5_000; ms += 10) await read(ms);
	expect(looks()).toBe(1);
	await read(5_000);
	expect(looks()).toBe(2);
	// All that ask while a look is under way wait for that one.
	const { promise, resolve } = Promise.withResolvers<null>();
	says.objects = () => promise;
	const waiting = Promise.all(Array.from({ length: 100 }, () => read(10_000)));
	expect(looks()).toBe(3);
	resolve(null);
	expect(new Set((await waiting).map(([whole]) => whole))).toEqual(new Set([`ok ${at(0)}`]));
	expect(looks()).toBe(3);
});

it("[K13] a dependency is as bad as the worse of its look and its breaker say, since when that one does; each answer asks the breaker anew", async () => {
	let now = 0;
	const readiness = new Readiness(
		() => now,
		() => undefined,
	);
	let breaker: { status: "degraded" | "down"; since: number | null } = { status: "down", since: null };
	let look: () => Promise<unknown> = async () => null;
	const dependencies: Dependency[] = [
		{
			name: "database",
			isVital: false,
			look: () => look(),
			trouble: () => ({ ...breaker, shown: { breaker: breaker.since === null ? "closed" : "open" } }),
		},
	];
	const read = async (ms: number) => {
		now = ms;
		const { status, since, dependencies: seen } = await readiness.read(dependencies, () => undefined);
		const { database } = seen;
		return `${status} ${since}: ${database?.status} ${database?.since} ${database?.breaker}`;
	};
	expect(await read(0)).toBe(`ok ${at(0)}: ok ${at(0)} closed`);
	breaker = { status: "down", since: 700 };
	expect(await read(1_000)).toBe(`degraded ${at(1_000)}: down ${at(700)} open`);
	breaker = { status: "degraded", since: 700 };
	expect(await read(2_000)).toBe(`degraded ${at(1_000)}: degraded ${at(700)} open`);
	look = () => Promise.reject(new Error("away"));
	expect(await read(6_000)).toBe(`degraded ${at(1_000)}: down ${at(6_000)} open`);
	breaker = { status: "down", since: 700 };
	expect(await read(6_001)).toBe(`degraded ${at(1_000)}: down ${at(700)} open`);
	breaker = { status: "down", since: null };
	look = async () => null;
	expect(await read(12_000)).toBe(`ok ${at(12_000)}: ok ${at(12_000)} closed`);
});
