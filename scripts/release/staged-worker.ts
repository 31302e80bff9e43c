// The Worker of one build, or of two at once as in the midst of a deploy, on a stage: its clock is moved, and `/staged/…` lets a
// test see and send the messages of queues. With two builds each object is of one of them, as its owner's name says, and requests
// and messages go to either in turn.
import { objectLetters } from "./object-letters.ts";
import { stage, stageAlarms } from "./staged-clock.ts";
import * as newer from "release:newer";
import * as older from "release:older";

export type Release = "older" | "newer";

type Namespace = (typeof objectLetters)[number];

interface Context {
	id: { name?: string };
	storage: Parameters<typeof stageAlarms>[0] & { sql: { exec(statement: string): unknown } };
}
type ObjectClass = new (ctx: Context, env: Bindings) => object;
type Bindings = Record<string, unknown>;
interface Message {
	id: string;
	timestamp: Date;
	attempts: number;
	body: unknown;
	ack(): void;
	retry(): void;
}
interface Batch {
	queue: string;
	messages: readonly Message[];
	ackAll(): void;
}

/** What a build exports. */
export type BuiltWorker = Record<string, ObjectClass> & {
	default: {
		fetch(request: Request, env: Bindings, ctx: unknown): Promise<Response>;
		queue(batch: Batch, env: Bindings, ctx: unknown): Promise<void>;
		scheduled(event: unknown, env: Bindings, ctx: unknown): Promise<void>;
	};
};

const builds: Record<Release, BuiltWorker> = { newer, older };

/** `REPO.submit older>newer`: how often an older Worker or object called a newer object so. */
const calls: Record<string, number> = {};
const messages: { queue: string; body: unknown }[] = [];
/** Of each call some, as they went over the wire. */
const samples: Record<string, { args: unknown; answer: unknown }[]> = {};
const samplesMax = 2;
/** Objects that were called, so that they can be woken. */
const seen = new Map<string, { namespace: Namespace; name: string }>();

function sample(call: string, args: unknown[], answered: unknown): void {
	samples[call] ??= [];
	const taken = samples[call];
	if (taken.length >= samplesMax || !(answered instanceof Object && "then" in answered)) return;
	const one: { args: unknown; answer: unknown } = { args: plain(args), answer: null };
	taken.push(one);
	void Promise.resolve(answered).then(
		(answer) => {
			one.answer = plain(answer);
		},
		() => taken.splice(taken.indexOf(one), 1),
	);
}

/** As JSON can say it. */
function plain(value: unknown): unknown {
	if (value instanceof Uint8Array) return { bytes: Array.from(value.subarray(0, 64)) };
	if (value instanceof Request) return { url: value.url, headers: Object.fromEntries(value.headers) };
	if (value instanceof Response) return { status: value.status };
	if (Array.isArray(value)) return value.map(plain);
	if (typeof value !== "object" || value === null) return value;
	return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
}

function releaseOf(namespace: Namespace, name: string): Release {
	const letters = /-([on]{5})(?:\/|$)/.exec(name)?.[1] ?? "nnnnn";
	const isOlder = letters[objectLetters.indexOf(namespace)] === "o";
	const isOddShard = namespace === "POOL" && Number(name.split("/")[2]) % 2 === 1;
	return isOlder === isOddShard ? "newer" : "older";
}

interface RealNamespace {
	idFromName(name: string): { name?: string };
	get(id: { name?: string }, options?: unknown): Record<string, (...args: unknown[]) => unknown>;
}

/** The bindings, with each call between two builds counted. */
function counted(env: Bindings, caller: Release): Bindings {
	return new Proxy(env, {
		get: (_, key) => {
			const bound = env[String(key)];
			const namespace = objectLetters.find((known) => known === key);
			if (namespace === undefined) return bound;
			const real = bound as RealNamespace;
			const get: RealNamespace["get"] = (id, options) => {
				const stub = real.get(id, options);
				const way = `${caller}>${releaseOf(namespace, id.name ?? "")}`;
				seen.set(`${namespace} ${id.name}`, { namespace, name: id.name ?? "" });
				const call =
					(method: string) =>
					(...args: unknown[]) => {
						const name = `${namespace}.${method} ${way}`;
						calls[name] = (calls[name] ?? 0) + 1;
						const answered = stub[method]?.(...args);
						sample(`${namespace}.${method}`, args, answered);
						return answered;
					};
				const read = (_: object, method: string | symbol) =>
					typeof method === "string" && method !== "then" ? call(method) : undefined;
				return new Proxy({}, { get: read });
			};
			return { idFromName: (name: string) => real.idFromName(name), get };
		},
	});
}

function objectClass(namespace: Namespace, name: string): ObjectClass {
	// The platform's own base class, which no module of Node's can name.
	const Base = Object.getPrototypeOf(builds.newer[name]) as ObjectClass;
	const classes = {
		older: wakeable(builds.older[name] as ObjectClass),
		newer: wakeable(builds.newer[name] as ObjectClass),
	};
	return class extends Base {
		constructor(ctx: Context, env: Bindings) {
			super(ctx, env);
			stageAlarms(ctx.storage);
			const release = releaseOf(namespace, ctx.id.name ?? "");
			// biome-ignore lint/correctness/noConstructorReturn: the object is of one of two classes
			return new classes[release](ctx, counted(env, release));
		}
	};
}

/** Its alarm can be rung by a call: the clock went on, and the platform's did not. */
function wakeable(Built: ObjectClass): ObjectClass {
	return class extends Built {
		readonly #storage: Context["storage"];

		constructor(ctx: Context, env: Bindings) {
			super(ctx, env);
			this.#storage = ctx.storage;
		}

		/** A table's default of the time of its making is by SQLite's clock, which nobody moves. */
		stagedSql(statement: string): void {
			this.#storage.sql.exec(statement);
		}

		stagedAlarm(): unknown {
			return (this as unknown as { alarm(): unknown }).alarm();
		}
	};
}

export const RepoObject = objectClass("REPO", "RepoObject");
export const PoolObject = objectClass("POOL", "PoolObject");
export const LogObject = objectClass("LOG", "LogObject");
export const FeedObject = objectClass("FEED", "FeedObject");
export const OwnerObject = objectClass("OWNER", "OwnerObject");
/** The last release has no such class. */
export const PersonObject = builds.newer.PersonObject;
/** One for all: of the older build, as long as a deploy lasts. */
export const SwitchesObject = builds.older.SwitchesObject;

let turns = 0;

/** A request may say whose it is; others go to either in turn. */
function turnOf(said: string | null): Release {
	if (said === "older" || said === "newer") return said;
	return turns++ % 2 === 0 ? "older" : "newer";
}

export default {
	async fetch(request: Request, env: Bindings, ctx: unknown): Promise<Response> {
		const { pathname } = new URL(request.url);
		if (pathname.startsWith("/staged/")) return control(pathname.slice("/staged/".length), request, env, ctx);
		const release = turnOf(request.headers.get("x-staged-release"));
		return builds[release].default.fetch(request, counted(env, release), ctx);
	},
	async queue(batch: Batch, env: Bindings, ctx: unknown): Promise<void> {
		messages.push(...batch.messages.map(({ body }) => ({ queue: batch.queue, body })));
		if (stage.isHoldingIntake && batch.queue === "spillway-intake") {
			// A bell may get lost: the sweep rings again.
			batch.ackAll();
			return;
		}
		const release = turnOf(null);
		await builds[release].default.queue(batch, counted(env, release), ctx);
	},
	async scheduled(event: unknown, env: Bindings, ctx: unknown): Promise<void> {
		const release = turnOf(null);
		await builds[release].default.scheduled(event, counted(env, release), ctx);
	},
};

async function control(act: string, request: Request, env: Bindings, ctx: unknown): Promise<Response> {
	const said = request.method === "POST" ? ((await request.json()) as Record<string, unknown>) : {};
	switch (act) {
		case "stage":
			Object.assign(stage, said);
			return Response.json(stage);
		case "calls":
			return Response.json({ calls, methods: { older: methodsOf("older"), newer: methodsOf("newer") } });
		case "samples":
			return Response.json(samples);
		case "sql": {
			const real = env[String(said.namespace)] as RealNamespace;
			await real.get(real.idFromName(String(said.name))).stagedSql?.(said.statement);
			return new Response();
		}
		case "wake":
			for (const { namespace, name } of seen.values()) {
				const real = env[namespace] as RealNamespace;
				await real.get(real.idFromName(name)).stagedAlarm?.();
			}
			return new Response();
		case "archive": {
			const bucket = env.ARCHIVE as { list(options: object): Promise<{ objects: { key: string }[] }> };
			const { objects } = await bucket.list({ prefix: said.prefix });
			return Response.json(objects.map(({ key }) => key));
		}
		case "messages":
			return Response.json(messages.splice(0));
		case "send":
			await (env[String(said.binding)] as { send(body: unknown): Promise<void> }).send(said.body);
			return new Response();
		case "consume": {
			const batch = heldBatch(String(said.queue), said.bodies as unknown[]);
			messages.push(...batch.messages.map(({ body }) => ({ queue: batch.queue, body })));
			const release = turnOf(said.release as string);
			await builds[release].default.queue(batch, counted(env, release), ctx);
			return Response.json(batch.ends);
		}
		case "sweep": {
			const release = turnOf(said.release as string);
			await builds[release].default.scheduled({}, counted(env, release), ctx);
			return new Response();
		}
		default:
			return new Response(null, { status: 404 });
	}
}

/** Messages as a queue delivers them, with what becomes of each. */
function heldBatch(queue: string, bodies: unknown[]): Batch & { ends: string[] } {
	const ends = bodies.map(() => "nothing");
	const end = (at: number, how: string) => {
		ends[at] = how;
	};
	const batch = bodies.map((body, at) => ({
		id: `staged-${at}`,
		timestamp: new Date(),
		attempts: 1,
		body,
		ack: () => end(at, "ack"),
		retry: () => end(at, "retry"),
	}));
	return { queue, messages: batch, ackAll: () => ends.fill("ack"), ends };
}

/** What each of a build's classes can be asked for by others. */
function methodsOf(release: Release): string[] {
	const platforms = new Set(["constructor", "alarm", "webSocketMessage", "webSocketClose", "webSocketError"]);
	const classes = {
		REPO: "RepoObject",
		POOL: "PoolObject",
		LOG: "LogObject",
		FEED: "FeedObject",
		OWNER: "OwnerObject",
	};
	return Object.entries(classes).flatMap(([namespace, name]) =>
		Object.getOwnPropertyNames((builds[release][name] as ObjectClass).prototype)
			.filter((method) => !platforms.has(method))
			.map((method) => `${namespace}.${method}`),
	);
}
