// What a thousand runners that wait in their sessions cost: processor, memory and writes while nothing happens, and how soon
// one of them holds a job that somebody submits.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Bench, Serving } from "../bench.ts";
import { owner, settle } from "../bench.ts";
import type { Child, Usage } from "../child.ts";
import type { Figure } from "../figure.ts";
import { Fleet } from "./fleet.ts";
import { mean, percentile } from "../percentile.ts";

const repo = "sessions";
const pool = `pool-${repo}`;
const sessions = 1_000;
const idlePercentMax = 2;
const p50MsMax = 10;
const p99MsMax = 50;
/** An object with nothing to do is put to sleep after 10 s. */
const asleepMs = 12_000;
/** Long enough that all that the last job left behind is done. */
const pauseMs = 60;

export async function measureSessions(bench: Bench): Promise<Figure[]> {
	const { server, api, token, data } = await bench.startAnother();
	let fleet: Fleet | null = null;
	try {
		const idleMs = bench.isQuick ? 15_000 : 60_000;
		await api.createRepository(owner, repo, { maxRunning: sessions });
		await settle(server);
		const before = await rest(server, idleMs);
		const memoryBefore = server.usage();
		fleet = await Fleet.open({ url: server.ready.url, token, pool, runners: sessions, capacity: 1, repo });
		await settle(server);
		await sleep(asleepMs);
		const memory = server.usage();
		const files = filesOf(data);
		const pongsBefore = await fleet.pongs();
		const idle = await rest(server, idleMs);
		const pongs = (await fleet.pongs()) - pongsBefore;
		const changed = [...filesOf(data)].filter(([path, stamp]) => files.get(path) !== stamp).map(([path]) => path);
		if (pongs < (sessions * idleMs) / 10_000 - sessions) throw new Error(`only ${pongs} pings were answered`);
		await fleet.single(10, pauseMs);
		const count = bench.isQuick ? 50 : 100;
		const working = fleet;
		const rounds = await bench.floored({ rounds: bench.isQuick ? 1 : 3, connections: 1 }, () =>
			working.single(count, pauseMs),
		);
		const grantedMs = rounds.flatMap(({ value }) => value.grantedMs).sort((a, b) => a - b);
		const submittedMs = rounds.flatMap(({ value }) => value.submittedMs).sort((a, b) => a - b);
		const floor = (name: "call" | "insert") => mean(rounds.map((round) => round[name].p50Ms));
		const time = (figureName: string, value: number, max: number | null): Figure => ({
			...figure(figureName, value, "ms"),
			ratio: { call: value / floor("call"), insert: value / floor("insert") },
			aim: max === null ? null : { text: `≤ ${max}`, isMet: value <= max },
			note: `${grantedMs.length} samples`,
		});
		const name = `${sessions.toLocaleString("en-GB")} idle sessions`;
		return [
			figure(`server processor, fresh`, before, "% of one"),
			{
				...figure(`server processor, ${name}`, idle, "% of one"),
				aim: { text: `< ${idlePercentMax}`, isMet: idle < idlePercentMax },
				note: `over ${idleMs / 1_000} s, in which ${pongs.toLocaleString("en-GB")} pings were answered`,
			},
			{
				...figure("server memory for one session", (total(memory) - total(memoryBefore)) / sessions / 1e3, "KB"),
				note: `${parts(memoryBefore)} MB before, ${parts(memory)} MB with all`,
			},
			{
				...figure("files of pools and repositories written meanwhile", changed.length, ""),
				aim: { text: "0", isMet: changed.length === 0 },
				note: changed.length === 0 ? "no row was written" : changed.join(", "),
			},
			time(`submit until a runner has the grant, ${name}, p50`, percentile(grantedMs, 0.5), p50MsMax),
			time(`submit until a runner has the grant, ${name}, p99`, percentile(grantedMs, 0.99), p99MsMax),
			time("  of it until the 201, p50", percentile(submittedMs, 0.5), null),
		];
	} finally {
		fleet?.close();
		api.close();
		await server.stop();
	}
}

/** Processor time in per cent of one processor while nobody asks for anything. */
async function rest(server: Child<Serving>, ms: number): Promise<number> {
	const from = performance.now();
	const before = server.usage()?.cpuMs ?? 0;
	await sleep(ms);
	return (((server.usage()?.cpuMs ?? 0) - before) / (performance.now() - from)) * 100;
}

/** The databases of pools and repositories, with what a write changes of a file. */
function filesOf(data: string): Map<string, string> {
	const paths = readdirSync(data, { recursive: true, encoding: "utf8" }).filter((path) =>
		/(PoolObject|RepoObject)\/[^/]+\.sqlite/.test(path),
	);
	if (paths.length === 0) throw new Error(`there are no databases of pools below ${data}`);
	return new Map(
		paths.map((path) => {
			const { size, mtimeMs } = statSync(join(data, path));
			return [path, `${size} ${mtimeMs}`];
		}),
	);
}

function figure(name: string, value: number, unit: string): Figure {
	return { name, value, unit, ratio: null, serverCpuMicros: null, aim: null, note: "" };
}

function total(usage: Usage | null): number {
	return Object.values(usage?.rssBytes ?? {}).reduce((sum, bytes) => sum + bytes, 0);
}

function parts(usage: Usage | null): string {
	return Object.entries(usage?.rssBytes ?? {})
		.map(([program, bytes]) => `${program} ${Math.round(bytes / 1e6)}`)
		.join(", ");
}
