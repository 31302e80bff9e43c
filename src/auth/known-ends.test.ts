// What an isolate knows of ended tokens, over a clock moved by hand and an owner's object that says what it is told to.
import { expect, it } from "vitest";
import { KnownEnds } from "./known-ends.ts";

interface Ask {
	owner: string;
	tokens: string[];
}

function rig(limits: ConstructorParameters<typeof KnownEnds>[1] = {}) {
	let now = 1_000_000;
	const ended = new Set<string>();
	const asks: Ask[] = [];
	let isAway = false;
	let held: Promise<unknown> = Promise.resolve();
	const ends = new KnownEnds<null>(() => now, limits);
	const port = {
		async ask(owner: string, tokens: string[]) {
			asks.push({ owner, tokens });
			await held;
			if (isAway) throw new Error("no answer");
			return { ended: tokens.filter((token) => ended.has(`${owner} ${token}`)), said: null };
		},
		later: () => undefined,
	};
	/** As a call does it: what it is answered by, and whether it had to wait. */
	async function call(owner: string, token: string): Promise<string> {
		const learning = ends.learn({ owner, token }, port);
		await learning?.catch(() => undefined);
		return `${ends.standing({ owner, token })}${learning === null ? "" : ", waited"}`;
	}
	return {
		...{ ends, asks, call, ended },
		pass: (ms: number) => {
			now += ms;
		},
		away: (away: boolean) => {
			isAway = away;
		},
		hold: (until: Promise<unknown>) => {
			held = until;
		},
	};
}

/** Lets what runs in the background come to its end. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

it("[A43] a token in use costs one wait, and is asked about in the background, at most every 30 s", async () => {
	const { call, asks, pass } = rig();
	expect(await call("acme", "t1")).toBe("good, waited");
	for (let second = 0; second < 120; second++) {
		pass(1_000);
		expect(await call("acme", "t1")).toBe("good");
		await settled();
	}
	expect(asks.length).toBe(5);
});

it("[A43] an end is known at once where it was made, and elsewhere when it is next asked about", async () => {
	const { call, ended, ends, pass } = rig();
	await call("acme", "t1");
	ended.add("acme t1");
	pass(29_999);
	expect(await call("acme", "t1")).toBe("good");
	pass(1);
	expect(await call("acme", "t1")).toBe("good");
	await settled();
	expect(await call("acme", "t1")).toBe("ended");
	ends.note({ owner: "acme", token: "t2" });
	expect(await call("acme", "t2")).toBe("ended");
});

it("[A43] an owner that does not answer is let in for 45 s by what was known, then by nobody; and is ended for good once it was", async () => {
	const { call, ended, pass, away } = rig();
	ended.add("acme old");
	expect([await call("acme", "t1"), await call("acme", "old"), await call("umbrella", "t1")]).toEqual([
		"good, waited",
		"ended, waited",
		"good, waited",
	]);
	away(true);
	pass(44_999);
	expect(await call("acme", "t1")).toBe("good");
	await settled();
	pass(1_001);
	expect(await call("acme", "t1")).toBe("unknown, waited");
	expect(await call("acme", "old")).toBe("ended");
	expect(await call("acme", "new")).toBe("unknown, waited");
	away(false);
	pass(1_001);
	expect(await call("acme", "t1")).toBe("good, waited");
});

it("[A43] calls at once wait for one answer, also for a token that the ask under way does not name", async () => {
	const { call, asks, hold } = rig();
	const { promise, resolve } = Promise.withResolvers();
	hold(promise);
	const calls = [call("acme", "t1"), call("acme", "t1"), call("acme", "t2"), call("acme", "t2")];
	resolve(null);
	expect(await Promise.all(calls)).toEqual(Array.from({ length: 4 }, () => "good, waited"));
	expect(asks).toEqual([
		{ owner: "acme", tokens: ["t1"] },
		{ owner: "acme", tokens: ["t1", "t2"] },
	]);
});

it("[A43] however much another owner has ended, or uses, what ended stays so: forgetting means asking again", async () => {
	const { call, ended, ends } = rig({ ownersMax: 10, tokensOfOwnerMax: 5, tokensMax: 20 });
	ended.add("acme leaked");
	expect(await call("acme", "leaked")).toBe("ended, waited");
	for (let n = 0; n < 10_050; n++) ends.note({ owner: "mallory", token: `t${n}` });
	expect(await call("acme", "leaked")).toBe("ended");
	for (let n = 0; n < 100; n++) await call(`mallory-${n}`, "t1");
	expect(await call("acme", "leaked")).toBe("ended, waited");
	for (let n = 0; n < 100; n++) await call("acme", `t${n}`);
	expect(await call("acme", "leaked")).toBe("ended, waited");
});

it("[A43] an end that is told while an ask is under way is not undone by its answer", async () => {
	const { call, ends, hold } = rig();
	const { promise, resolve } = Promise.withResolvers();
	hold(promise);
	const calling = call("acme", "t1");
	ends.note({ owner: "acme", token: "t1" });
	resolve(null);
	expect(await calling).toBe("ended, waited");
});
