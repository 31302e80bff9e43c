// A hundred runners of eight slots, working trivially: how many jobs a second go through them, and how long one waits while a
// slot is free, at half of that pace.
import type { Bench } from "../bench.ts";
import { owner, settle } from "../bench.ts";
import { liftLimits } from "../lifted-limits.ts";
import type { Figure } from "../figure.ts";
import { Fleet } from "./fleet.ts";
import { mean, median, percentile } from "../percentile.ts";

const repo = "fleet";
const pool = `pool-${repo}`;
const runners = 100;
const capacity = 8;
const connections = 8;

export async function measureFleetWork(bench: Bench): Promise<Figure[]> {
	await bench.api.createRepository(owner, repo, { maxRunning: runners * capacity });
	await liftLimits(bench.server.ready, { owner, repo });
	const { url } = bench.server.ready;
	const fleet = await Fleet.open({ url, token: bench.token, pool, runners, capacity, repo });
	try {
		const count = bench.isQuick ? 400 : 2_000;
		await fleet.burst(100);
		const rounds = await bench.floored({ rounds: bench.isQuick ? 1 : 3, connections }, async () => {
			const before = bench.server.usage()?.cpuMs ?? 0;
			const { elapsedMs, lapsed } = await fleet.burst(count);
			await settle(bench.server);
			const cpuMs = (bench.server.usage()?.cpuMs ?? 0) - before;
			return { perSecond: count / (elapsedMs / 1_000), cpuMicros: (cpuMs / count) * 1_000, lapsed };
		});
		const perSecond = median(rounds.map((round) => round.value.perSecond));
		const ratioTo = (floor: "call" | "insert") =>
			median(rounds.map((round) => round.value.perSecond / round[floor].perSecond));
		const pace = perSecond / 2;
		const { grantedMs, submittedMs, busiest } = await fleet.paced(Math.round(pace * (bench.isQuick ? 5 : 30)), pace);
		if (busiest >= runners * capacity) throw new Error("no slot was free at times, at half the pace");
		const note = `${grantedMs.length} jobs at ${pace.toFixed(0)}/s, at most ${busiest} of ${runners * capacity} slots taken`;
		const wait = (name: string, value: number): Figure => ({
			...{ name, value, unit: "ms", ratio: null, serverCpuMicros: null, aim: null, note },
		});
		return [
			{
				name: `trivial jobs, ${runners} runners of ${capacity} slots`,
				value: perSecond,
				unit: "jobs/s",
				ratio: { call: ratioTo("call"), insert: ratioTo("insert") },
				serverCpuMicros: mean(rounds.map((round) => round.value.cpuMicros)),
				aim: null,
				note: `${count.toLocaleString("en-GB")} jobs at once, a hundred a run; ${rounds.map(({ value }) => value.lapsed).join(", ")} grants came too late to be started`,
			},
			wait("  submit until granted while a slot is free, p50", percentile(grantedMs, 0.5)),
			wait("  submit until granted while a slot is free, p99", percentile(grantedMs, 0.99)),
			wait("  of it until the 201, p99", percentile(submittedMs, 0.99)),
		];
	} finally {
		fleet.close();
	}
}
