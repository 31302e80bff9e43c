// The floors themselves, and the load generator alone: how much faster it is than what it measures.
import type { Bench, Home } from "../bench.ts";
import { need } from "../bench.ts";
import type { Figure } from "../figure.ts";
import type { LoadResult } from "../accept/load.ts";

const connections = 32;

export async function measureFloors(bench: Bench, home: Home): Promise<Figure[]> {
	const before = bench.floor.usage()?.cpuMs ?? 0;
	const { call, insert } = await bench.floors(connections);
	const cpuMicros = (((bench.floor.usage()?.cpuMs ?? 0) - before) / (call.done + insert.done)) * 1_000;
	const bare = await home.startBare();
	const request = { method: "POST", path: "/", body: "{}" };
	const durationMs = bench.isQuick ? 500 : 1_500;
	const load = { url: bare.ready.url, connections, durationMs, countMax: 200_000, keyPrefix: null, status: 201 };
	const generator = need(await bench.load({ ...load, request }));
	await bare.stop();
	const rate = (name: string, { perSecond }: LoadResult): Figure => ({
		name,
		value: perSecond,
		unit: "/s",
		ratio: { call: perSecond / call.perSecond, insert: perSecond / insert.perSecond },
		serverCpuMicros: null,
		aim: null,
		note: "",
	});
	const generatorCpuMicros = (generator.cpuMs / generator.done) * 1_000;
	return [
		{ ...rate("floor: call of an object, 32 connections", call), serverCpuMicros: cpuMicros },
		rate("floor: insert into an object, 32 connections", insert),
		{
			...rate("load generator against a bare Node server", generator),
			note: `the generator uses ${generatorCpuMicros.toFixed(0)} µs of a processor per request`,
		},
	];
}
