// The program of an owner's object in Node: how many runners it counts while pools take, lose and forget them.
import { expect, it } from "vitest";
import { SqliteStorage } from "../../simulation/world/sqlite-storage.ts";
import { openSealer } from "../../simulation/world/simulated-far-ends.ts";
import type { World } from "../ports.ts";
import { OwnerEngine } from "./owner-engine.ts";

function rig() {
	let now = 1_000_000;
	const storage = new SqliteStorage();
	const world: World = {
		storage,
		now: () => now,
		random: () => 0.5,
		wait: () => ({ done: Promise.resolve(), cancel: () => undefined }),
		giveWay: async () => undefined,
		report: () => undefined,
	};
	/** What each shard has, as `pool/shard`; null: it does not answer. */
	const shards = new Map<string, string[] | null>();
	const later: Promise<unknown>[] = [];
	let looks = 0;
	const owner = () =>
		new OwnerEngine({
			name: "acme",
			world,
			outside: {
				rows: {
					revoked: async () => [],
					markRevoked: async () => undefined,
					repositoryNames: async () => [],
					poolNames: async () => [],
					tokens: async () => [],
				},
				pool: ({ pool, shard }) => ({
					tokensEnded: async () => undefined,
					runnerIds: async () => {
						looks++;
						const ids = shards.get(`${pool}/${shard}`);
						if (ids === null) throw new Error("no answer");
						const count = [...shards.keys()].filter((name) => name.startsWith(`${pool}/`)).length;
						return { ids: ids ?? [], shards: Math.max(1, count) };
					},
				}),
				person: () => ({ hearMembership: async () => undefined }),
				sealer: openSealer,
				later: (work) => later.push(work),
			},
		});
	return {
		...{ owner, shards },
		looks: () => looks,
		settled: () => Promise.all(later.splice(0)),
		pass: (ms: number) => {
			now += ms;
		},
	};
}

const runner = (id: string, shard = 0) => ({ id, pool: "linux", shard, token: null });
const word = (answer: { ok: boolean }) => (answer.ok ? "taken" : "refused");

it("[V32] before the next is refused the shards are asked: whoever is gone makes room, and who is there unknown takes one", async () => {
	const { owner, shards, settled, pass } = rig();
	const acme = owner();
	await acme.setLimits({ change: { runners: 2 }, replace: false });
	const take = async (id: string, shard = 0) => word(await acme.admitRunner(runner(id, shard)));
	expect([await take("a"), await take("b", 1)]).toEqual(["taken", "taken"]);
	await settled();
	shards.set("linux/0", ["a"]).set("linux/1", ["b"]);
	pass(60_000);
	expect(await take("c")).toBe("refused");
	// The one job of `b` is over; its shard has forgotten it.
	shards.set("linux/1", []);
	pass(60_000);
	expect([await take("c"), await take("d")]).toEqual(["taken", "refused"]);
	// `x` came while this object did not answer, and nobody told it.
	shards.set("linux/0", ["a", "c", "x"]);
	await acme.disownRunner("c");
	pass(60_000);
	const shown = (await acme.limits()).find(({ name }) => name === "runners");
	expect(shown?.used).toBe(3);
});

it("[V32] a runner that is on its way to its shard keeps its place, and so do those of a shard that does not answer", async () => {
	const { owner, shards, settled, pass } = rig();
	const acme = owner();
	await acme.setLimits({ change: { runners: 1 }, replace: false });
	expect(word(await acme.admitRunner(runner("a")))).toBe("taken");
	await settled();
	pass(10_000);
	expect(word(await acme.admitRunner(runner("b")))).toBe("refused");
	shards.set("linux/0", null);
	pass(60_000);
	expect(word(await acme.admitRunner(runner("b")))).toBe("refused");
	shards.set("linux/0", []);
	pass(60_000);
	expect(word(await acme.admitRunner(runner("b")))).toBe("taken");
});

it("[V32] runners from before are found by the first registration, and a flood of refused ones asks the shards once", async () => {
	const { owner, shards, settled, looks, pass } = rig();
	await owner().own([{ kind: "pool", name: "linux" }]);
	shards.set("linux/0", ["old-1", "old-2"]);
	const acme = owner();
	await acme.setLimits({ change: { runners: 3 }, replace: false });
	pass(60_000);
	expect(word(await acme.admitRunner(runner("a")))).toBe("taken");
	await settled();
	shards.set("linux/0", ["old-1", "old-2", "a"]);
	pass(60_000);
	const before = looks();
	const words = await Promise.all(["b", "c", "d", "e"].map(async (id) => word(await acme.admitRunner(runner(id)))));
	expect(words).toEqual(["refused", "refused", "refused", "refused"]);
	expect(looks() - before).toBe(1);
	// One that is counted is taken again, at any number and past the death of the engine.
	expect(word(await owner().admitRunner(runner("a")))).toBe("taken");
});

it("[V32] the runners that a revoked token registered give their places back once their shards have put them out", async () => {
	const { owner, shards, settled } = rig();
	const acme = owner();
	await acme.setLimits({ change: { runners: 2 }, replace: false });
	expect(await acme.opensSession({ token: "tk1", pool: "linux", shard: 0 })).toBe(true);
	const take = async (id: string, token: string | null) => word(await acme.admitRunner({ ...runner(id), token }));
	expect([await take("a", "tk1"), await take("b", null), await take("c", null)]).toEqual(["taken", "taken", "refused"]);
	await settled();
	shards.set("linux/0", ["b"]);
	await acme.endToken({ id: "tk1", at: 1_000_000, until: null });
	await acme.alarm();
	expect([await take("c", null), await take("d", null)]).toEqual(["taken", "refused"]);
});
