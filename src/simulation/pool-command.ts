// What may happen to a pool and its runners in the simulation, as plain data beside the commands to a repository's queue.
import type { PoolPatch } from "../contracts/http/runner.ts";
import { simulatedShards } from "./world/simulated-pool.ts";
import type { SimulatedPort } from "./world/simulated-port.ts";
import type { SimulatedRunner } from "./world/simulated-runner.ts";

interface WhichRunner {
	pool: string;
	runner: string;
}

type RunnerCommand =
	| ({ do: "runner-comes"; isNewProcess: boolean } & WhichRunner)
	| ({ do: "runner-asks" } & WhichRunner)
	| ({ do: "runner-freezes" } & WhichRunner)
	| ({ do: "runner-thaws" } & WhichRunner)
	| ({ do: "runner-leaves" } & WhichRunner)
	| ({ do: "runner-drops"; isTold: boolean } & WhichRunner)
	| ({ do: "runner-drains"; draining: boolean } & WhichRunner)
	| ({ do: "runner-is-unwell"; unwell: boolean } & WhichRunner);

export type PoolCommand =
	| RunnerCommand
	| { do: "pool-settings"; pool: string; patch: PoolPatch }
	| { do: "shard-dies"; pool: string; shard: number; sockets: "kept" | "dropped" }
	| { do: "one-arrives"; at: number };

const kinds: ReadonlySet<string> = new Set<PoolCommand["do"]>([
	"runner-comes",
	"runner-asks",
	"runner-freezes",
	"runner-thaws",
	"runner-leaves",
	"runner-drops",
	"runner-drains",
	"runner-is-unwell",
	"pool-settings",
	"shard-dies",
	"one-arrives",
]);

export function isPoolCommand(command: { do: string }): command is PoolCommand {
	return kinds.has(command.do);
}

/** The runners of each pool: two in each shard, of which one has few labels. */
export const runnerIds = Array.from({ length: 2 * simulatedShards }, (_, at) => `rn${at}`);

export function simulatedRunner(port: SimulatedPort, { pool, runner }: WhichRunner): SimulatedRunner {
	const at = runnerIds.indexOf(runner);
	const labels = at < simulatedShards ? ["gpu", "linux"] : [];
	return port.pool(pool).runner(runner, { shard: at % simulatedShards, labels, capacity: 1 + (at % 3) });
}

export async function performOnPool(port: SimulatedPort, command: PoolCommand): Promise<void> {
	switch (command.do) {
		case "pool-settings":
			return port.deliverUntil(port.pool(command.pool).shard(0).engine.configure(command.patch));
		case "shard-dies":
			return port.sleepShard(command);
		case "one-arrives":
			return port.deliverOne(command.at);
		default: {
			const { engine } = port.pool(command.pool).shard(runnerIds.indexOf(command.runner) % simulatedShards);
			return performOnRunner(port, command, engine);
		}
	}
}

async function performOnRunner(
	port: SimulatedPort,
	command: RunnerCommand,
	engine: ReturnType<SimulatedPort["pool"]>["shards"][number]["engine"],
): Promise<void> {
	const runner = simulatedRunner(port, command);
	const { identity } = runner;
	switch (command.do) {
		case "runner-comes":
			return port.deliverUntil(runner.come(command));
		case "runner-asks": {
			const asked = engine.acquire(identity, [...runner.held.keys()]);
			await port.deliverUntil(asked);
			const grant = await asked;
			if (grant !== null && typeof grant === "object") runner.take(grant);
			return;
		}
		case "runner-freezes":
			runner.isFrozen = true;
			runner.wasFrozen = true;
			return;
		case "runner-thaws":
			runner.isFrozen = false;
			return;
		case "runner-leaves":
			return runner.bye();
		case "runner-drops":
			return runner.drop(command);
		case "runner-drains":
			return void (await engine.setRunner(identity.id, { draining: command.draining }));
		case "runner-is-unwell": {
			const said = command.unwell ? { unwell: "no disk" } : {};
			return void (await engine.heartbeat(identity, [...runner.held.keys()], said));
		}
	}
}
