// The bindings of the product, each with a place where a fault can befall a call of it. All else is the real thing.
import type { Env } from "../../workers/env.ts";
import type { Target } from "../plan/faults.ts";
import { crawlMs, delaySeconds, wayFor, wayForMessages } from "./inside-faults.ts";

/** One for each: the product remembers things by its environment. */
const made = new WeakMap<Env, Env>();

export function faulty(env: Env): Env {
	const known = made.get(env);
	if (known) return known;
	const bindings: Env = {
		...env,
		DB: faultyDatabase(env.DB),
		ARCHIVE: faultyBucket(env.ARCHIVE),
		DELIVERIES: faultyQueue(env.DELIVERIES),
		EVENTS: faultyQueue(env.EVENTS),
		INTAKE: faultyQueue(env.INTAKE),
		REPO: faultyObjects(env.REPO, "repositories"),
		POOL: faultyObjects(env.POOL, "pools"),
		LOG: faultyObjects(env.LOG, "logs"),
		FEED: faultyObjects(env.FEED, "others"),
		OWNER: faultyObjects(env.OWNER, "others"),
		PERSON: faultyObjects(env.PERSON, "others"),
		SWITCHES: faultyObjects(env.SWITCHES, "others"),
	};
	made.set(env, bindings);
	return bindings;
}

async function through<T>(target: Target, work: () => Promise<T>): Promise<T> {
	switch (wayFor(target)) {
		case null:
			return work();
		case "fail":
			throw lost();
		case "lose":
			await work();
			throw lost();
		case "crawl":
			await scheduler.wait(crawlMs);
			return work();
	}
}

/** As the platform says it: whoever called does not know what was done. */
function lost(): Error {
	return Object.assign(new Error("Network connection lost."), { retryable: true });
}

type Method = (...args: unknown[]) => unknown;

/** `methods` go through; all else is the binding's own. */
function wrapped<T extends object>(binding: T, target: Target, methods: readonly string[]): T {
	return new Proxy(binding, {
		get(real, name) {
			const value = Reflect.get(real, name) as unknown;
			if (typeof value !== "function") return value;
			const method = (...args: unknown[]) => (value as Method).apply(real, args);
			if (!methods.includes(String(name))) return method;
			return (...args: unknown[]) => through(target, async () => method(...args));
		},
	});
}

/** A batch takes the real statements only. */
const realStatements = new WeakMap<object, D1PreparedStatement>();

function faultyStatement(statement: D1PreparedStatement): D1PreparedStatement {
	const calls = wrapped(statement, "database", ["all", "run", "raw", "first"]);
	const proxy = new Proxy(calls, {
		get: (real, name) =>
			name === "bind"
				? (...values: unknown[]) => faultyStatement(statement.bind(...values))
				: (Reflect.get(real, name) as unknown),
	});
	realStatements.set(proxy, statement);
	return proxy;
}

function faultyDatabase(database: D1Database): D1Database {
	return new Proxy(database, {
		get(real, name) {
			if (name === "prepare") return (query: string) => faultyStatement(real.prepare(query));
			if (name === "batch") {
				return (statements: D1PreparedStatement[]) =>
					through("database", () => real.batch(statements.map((one) => realStatements.get(one) ?? one)));
			}
			if (name === "exec") return (query: string) => through("database", () => real.exec(query));
			return Reflect.get(real, name) as unknown;
		},
	});
}

function faultyBucket(bucket: R2Bucket): R2Bucket {
	return wrapped(bucket, "archive", ["get", "put", "head", "list", "delete"]);
}

/** A message that was dropped, doubled or held back was taken, as far as its sender knows. */
function faultyQueue<T>(queue: Queue<T>): Queue<T> {
	const sent = async (send: (late: { delaySeconds?: number }) => Promise<unknown>): Promise<unknown> => {
		switch (wayForMessages()) {
			case null:
				return send({});
			case "drop":
				return undefined;
			case "double":
				await send({});
				return send({});
			case "delay":
				return send({ delaySeconds });
		}
	};
	return new Proxy(queue, {
		get(real, name) {
			if (name === "send") {
				return (body: T, options?: QueueSendOptions) =>
					through("queues", () => sent((late) => real.send(body, { ...options, ...late })));
			}
			if (name === "sendBatch") {
				return (messages: Iterable<MessageSendRequest<T>>, options?: QueueSendBatchOptions) =>
					through("queues", () => sent((late) => real.sendBatch(messages, { ...options, ...late })));
			}
			return Reflect.get(real, name) as unknown;
		},
	});
}

function faultyObjects(namespace: DurableObjectNamespace, target: Target): DurableObjectNamespace {
	return new Proxy(namespace, {
		get(real, name) {
			if (name === "get") {
				return (...args: Parameters<DurableObjectNamespace["get"]>) => faultyStub(real.get(...args), target);
			}
			const value = Reflect.get(real, name) as unknown;
			return typeof value === "function" ? (...args: unknown[]) => (value as Method).apply(real, args) : value;
		},
	});
}

/** Whatever is read from a stub is a call of it. */
function faultyStub(stub: DurableObjectStub, target: Target): DurableObjectStub {
	return new Proxy(stub, {
		get(real, name) {
			if (name === "id" || name === "name" || name === "then") return Reflect.get(real, name) as unknown;
			const methods = real as unknown as Record<string | symbol, Method>;
			return (...args: unknown[]) => through(target, async () => methods[name]?.(...args));
		},
	});
}
