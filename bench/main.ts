// `npm run bench`: the speed and memory of the one-machine server, measured in one run with the floors that the machine sets.
// It starts what it measures, talks over loopback only, is bounded in count and time, and leaves nothing behind. Exits with 1
// when something did not work; an aim that is not met is a line in the table, since a busy machine must not fail anybody.
import { availableParallelism, cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measureAcceptedRuns } from "./accept/accepted-runs.ts";
import { measureBatchedJobs } from "./accept/batched-jobs.ts";
import { Bench, Home } from "./bench.ts";
import type { Figure } from "./figure.ts";
import { formatTable } from "./figure.ts";
import { measureFinishedJobs } from "./fleet/finished-jobs.ts";
import { measureFleetWork } from "./fleet/fleet-work.ts";
import { measureFloors } from "./floor/floor-figures.ts";
import { measureGrantLatency } from "./fleet/grant-latency.ts";
import { measureLogs } from "./logs/logs.ts";
import { measureNeighbours } from "./accept/neighbours.ts";
import { measureQueueScale } from "./queue-scale.ts";
import { measureSpill } from "./accept/spill.ts";
import { measureServerMemory } from "./server-memory.ts";
import { measureSessions } from "./fleet/sessions.ts";

const measurements: Record<string, (bench: Bench, home: Home) => Promise<Figure[]>> = {
	floor: measureFloors,
	accept: measureAcceptedRuns,
	batch: measureBatchedJobs,
	neighbours: measureNeighbours,
	spill: measureSpill,
	start: measureGrantLatency,
	finish: measureFinishedJobs,
	sessions: measureSessions,
	fleet: measureFleetWork,
	logs: measureLogs,
	scale: measureQueueScale,
	memory: measureServerMemory,
};

const usage = `npm run bench -- [--quick] [--json] [--only <name>]…

--quick  short rounds: some minutes in all, for a first look
--only   one of ${Object.keys(measurements).join(", ")}; may be given more than once
--json   the result as one JSON object on standard output
`;

const options = readOptions();
const home = new Home(options.quick);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
	process.once(signal, () => void home.close().finally(() => process.exit(130)));
}
try {
	await run();
} catch (error) {
	process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
	process.exitCode = 1;
} finally {
	await home.close();
}

async function run(): Promise<void> {
	const say = (text: string) => process.stderr.write(`${text}\n`);
	say("bench: starting the server and the floors");
	const startedAt = new Date();
	const bench = await Bench.start(home);
	// Code that was never run is slow the first time, in the floors as well.
	await bench.floors(32);
	const figures: Figure[] = [];
	const failures: string[] = [];
	for (const name of options.names) {
		const from = performance.now();
		try {
			figures.push(...((await measurements[name]?.(bench, home)) ?? []));
		} catch (error) {
			process.exitCode = 1;
			failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
		}
		say(`bench: ${name} (${((performance.now() - from) / 1_000).toFixed(0)} s)`);
	}
	const complaints = home.complaints();
	if (options.json) {
		const machine = {
			processors: availableParallelism(),
			model: cpus()[0]?.model ?? "",
			load: loadavg(),
			node: process.version,
		};
		process.stdout.write(
			`${JSON.stringify({ startedAt, quick: options.quick, machine, figures, failures, complaints }, null, "\t")}\n`,
		);
	} else {
		process.stdout.write(`\n${formatTable(figures)}\n\n`);
		for (const { name, note } of figures) if (note !== "") process.stdout.write(`${name.trim()}: ${note}\n`);
		for (const line of failures) process.stdout.write(`FAILED ${line}\n`);
		for (const line of complaints) process.stdout.write(`a server said: ${line}\n`);
	}
}

function readOptions(): { quick: boolean; json: boolean; names: string[] } {
	try {
		const { values } = parseArgs({
			options: {
				quick: { type: "boolean", default: false },
				json: { type: "boolean", default: false },
				only: { type: "string", multiple: true, default: [] },
				help: { type: "boolean", default: false },
			},
		});
		if (values.help) {
			process.stdout.write(usage);
			process.exit();
		}
		const unknown = values.only.filter((name) => !(name in measurements));
		if (unknown.length > 0) throw new Error(`no measurement is called ${unknown.join(", ")}`);
		const names = values.only.length > 0 ? values.only : Object.keys(measurements);
		return { quick: values.quick, json: values.json, names };
	} catch (error) {
		process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
		process.exit(2);
	}
}
