// Pools as their owner sees them, and single runners of them: figures, pause, drain, removal.
import type { PoolFigures, PoolPatch, RunnerFigures, RunnerPatch } from "../contracts/http/runner.ts";
import { accept, refuse } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAskOfOwner } from "./access.ts";
import type { Caller } from "./access.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import { timeText } from "../contracts/wire/time-text.ts";
import { disownRunner, ownFirst } from "./owned-things.ts";
import type { OwningPorts } from "./owned-things.ts";
import type { Page } from "../contracts/http/page.ts";
import type { Deleted, Ports, Seen } from "./ports.ts";

type PoolPorts = Pick<Ports, "wholePool">;
interface PoolCall {
	owner: string;
	pool: string;
}

export async function listPools(
	ports: PoolPorts & Pick<Ports, "readModel">,
	caller: Caller,
	call: { owner: string; limit: number; cursor: string | null },
): Promise<Result<Page<PoolFigures>>> {
	const { owner } = call;
	const may = mayAskOfOwner(caller, "listPools", owner);
	if (!may.ok) return may;
	const page = await ports.readModel.pools(call);
	const figures = await Promise.all(page.items.map((pool) => ports.wholePool({ owner, pool }).seen()));
	// Of several that are old, the list is as old as the oldest.
	const olds = figures.flatMap(({ asOf }) => (asOf === null ? [] : [asOf]));
	const since = Math.min(...olds, page.stale ? Date.parse(page.asOf) : Number.POSITIVE_INFINITY);
	const items = figures.map(({ value }) => value);
	return accept(Number.isFinite(since) ? { ...page, items, asOf: timeText(since), stale: true } : { ...page, items });
}

export async function getPool(ports: PoolPorts, caller: Caller, call: PoolCall): Promise<Result<Seen<PoolFigures>>> {
	const may = mayAskOfOwner(caller, "getPool", call.owner);
	return may.ok ? accept(await ports.wholePool(call).seen()) : may;
}

/** Pauses or drains it, or lets it go on. It need not have a runner yet. */
export async function setPool(
	ports: PoolPorts & Pick<Ports, "readModel"> & OwningPorts & NotePorts,
	caller: Caller,
	{ patch, ...name }: PoolCall & { patch: PoolPatch },
): Promise<Result<PoolFigures>> {
	const { owner, pool } = name;
	const may = mayAskOfOwner(caller, "setPool", owner);
	if (!may.ok) return may;
	const admitted = await ownFirst(ports, owner, { kind: "pool", name: pool });
	if (!admitted.ok) return admitted;
	const figures = await ports.wholePool(name).configure(patch);
	ports.later(ports.readModel.addPool(owner, pool).catch(() => undefined));
	noteAct(ports, caller, { action: "pool-set", owner, subject: pool, reason: patch.pauseNote, details: patch });
	return accept(figures);
}

/** Drains it, or lets it work on. */
export async function setRunner(
	ports: PoolPorts & NotePorts,
	caller: Caller,
	{ runner, patch, ...name }: PoolCall & { runner: string; patch: RunnerPatch },
): Promise<Result<RunnerFigures>> {
	const { owner, pool } = name;
	const may = mayAskOfOwner(caller, "setRunner", owner);
	if (!may.ok) return may;
	const figures = await ports.wholePool(name).setRunner(runner, patch);
	if (figures === null) return refuse({ code: "runner-unknown" });
	noteAct(ports, caller, { action: "runner-set", owner, subject: runner, details: { pool, ...patch } });
	return accept(figures);
}

/** Removed again, or never there, it is no act: nothing changed. */
export async function removeRunner(
	ports: PoolPorts & Pick<Ports, "owner"> & NotePorts,
	caller: Caller,
	{ runner, ...name }: PoolCall & { runner: string },
): Promise<Result<Deleted>> {
	const { owner, pool } = name;
	const may = mayAskOfOwner(caller, "removeRunner", owner);
	if (!may.ok) return may;
	const isNews = await ports.wholePool(name).removeRunner(runner);
	if (isNews) await disownRunner(ports, owner, runner);
	if (isNews) noteAct(ports, caller, { action: "runner-remove", owner, subject: runner, details: { pool } });
	return accept({ wasThere: isNews === true });
}
