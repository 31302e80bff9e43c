// The built Worker with a place for faults around it: its classes, whose alarms are counted and which can be reset, its bindings
// through `faulty-bindings.ts`, and a door for the driver beside its own. What it imports as the product's sources is, in the
// bundle, the very file that was built (program.ts).
import main from "../../workers/main.ts";
import {
	FeedObject as Feed,
	LogObject as Log,
	OwnerObject as Owner,
	PersonObject as Person,
	PoolObject as Pool,
	RepoObject as Repo,
} from "../../workers/main.ts";
import type { Env } from "../../workers/env.ts";
import { faulty } from "./faulty-bindings.ts";
import type { InsideFault } from "./inside-faults.ts";
import { begin, hits } from "./inside-faults.ts";

// It remembers nothing, and has no alarm.
export { SwitchesObject } from "../../workers/main.ts";

type Kind = "REPO" | "POOL" | "LOG" | "FEED" | "OWNER" | "PERSON";

/** What was in use long ago sleeps, and has nothing to lose. */
const recentMax = 12;

/** Objects that were awake in this isolate, in the order in which they woke last. */
const seen = new Map<string, { kind: Kind; name: string }>();
/** By object, alarms that went off since the driver asked last. */
const alarms = new Map<string, number>();

function wake(kind: Kind, { id }: DurableObjectState): void {
	// Anew: the last one that woke is the last one here.
	seen.delete(`${kind} ${id.name}`);
	seen.set(`${kind} ${id.name}`, { kind, name: id.name ?? "" });
}

function ring(kind: Kind, { id }: DurableObjectState): void {
	const name = `${kind} ${id.name}`;
	alarms.set(name, (alarms.get(name) ?? 0) + 1);
}

export class RepoObject extends Repo {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, faulty(env));
		wake("REPO", ctx);
	}

	override alarm() {
		ring("REPO", this.ctx);
		return super.alarm();
	}

	resetByChaos(): void {
		this.ctx.abort("reset by chaos");
	}
}

export class PoolObject extends Pool {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, faulty(env));
		wake("POOL", ctx);
	}

	override alarm() {
		ring("POOL", this.ctx);
		return super.alarm();
	}

	resetByChaos(): void {
		this.ctx.abort("reset by chaos");
	}
}

export class LogObject extends Log {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, faulty(env));
		wake("LOG", ctx);
	}

	override alarm() {
		ring("LOG", this.ctx);
		return super.alarm();
	}

	resetByChaos(): void {
		this.ctx.abort("reset by chaos");
	}
}

export class FeedObject extends Feed {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, faulty(env));
		wake("FEED", ctx);
	}

	override alarm() {
		ring("FEED", this.ctx);
		return super.alarm();
	}

	resetByChaos(): void {
		this.ctx.abort("reset by chaos");
	}
}

export class OwnerObject extends Owner {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, faulty(env));
		wake("OWNER", ctx);
	}

	override alarm() {
		ring("OWNER", this.ctx);
		return super.alarm();
	}

	resetByChaos(): void {
		this.ctx.abort("reset by chaos");
	}
}

export class PersonObject extends Person {
	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, faulty(env));
		wake("PERSON", ctx);
	}

	override alarm() {
		ring("PERSON", this.ctx);
		return super.alarm();
	}

	resetByChaos(): void {
		this.ctx.abort("reset by chaos");
	}
}

/** `POST faults` begins one, `POST reset?target=N` ends an object's memory, `POST alarms` gives the counts and begins them anew. */
async function control(request: Request, path: string, env: Env): Promise<Response> {
	switch (path) {
		case "faults":
			begin(await request.json<InsideFault>());
			return Response.json({});
		case "hits":
			return Response.json(hits());
		case "reset":
			return Response.json(await reset(Number(new URL(request.url).searchParams.get("target")), env));
		case "alarms": {
			const counts = Object.fromEntries(alarms);
			alarms.clear();
			return Response.json(counts);
		}
		default:
			return new Response(null, { status: 404 });
	}
}

/** Logs are many and repositories few: first a kind, then one of its objects that were awake last. */
async function reset(target: number, env: Env): Promise<{ reset: string | null }> {
	const kinds = [...new Set([...seen.values()].map(({ kind }) => kind))].sort();
	const recent = [...seen.values()].filter(({ kind }) => kind === kinds[target % kinds.length]).slice(-recentMax);
	const found = recent[Math.floor(target / kinds.length) % Math.max(1, recent.length)];
	if (!found) return { reset: null };
	const namespace = env[found.kind];
	const stub = namespace.get(namespace.idFromName(found.name)) as unknown as { resetByChaos(): Promise<void> };
	// Its answer is that it broke.
	await stub.resetByChaos().catch(() => {});
	return { reset: `${found.kind} ${found.name}` };
}

const door = "/chaos/";

export default {
	fetch(request, env, ctx) {
		const { pathname } = new URL(request.url);
		if (pathname.startsWith(door)) return control(request, pathname.slice(door.length), env);
		return main.fetch(request, faulty(env), ctx);
	},
	queue: (batch, env) => main.queue(batch, faulty(env)),
	scheduled: (controller, env) => main.scheduled(controller, faulty(env)),
} satisfies ExportedHandler<Env>;
