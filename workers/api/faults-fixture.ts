// The Worker's bindings with faults that a test turns on and off: each call of a dependency is answered as ever, fails, hangs for
// ever or crawls, as that dependency is said to be just then. Timers are faked, so that nobody waits.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { ReadinessAnswer } from "../../src/doors/http/readiness.ts";
import main from "../main.ts";
import { requestOf } from "./api-fixture.ts";
import type { Call } from "./api-fixture.ts";

export type Fault = "away" | "hangs" | "crawls";
/** A binding; of objects also one of them: `REPO owner/repo`. */
export type Part = "DB" | "ARCHIVE" | "INTAKE" | `${"REPO" | "POOL"} ${string}`;

export interface Told<T> {
	status: number;
	body: T & Problem;
	stale: string | null;
	retryAfter: string | null;
}

/** Longer than a slow call, shorter than any deadline but that of a submission. */
const crawlMs = 3_000;

type Work = (...args: unknown[]) => Promise<unknown>;

let areFaked = false;

/** What was called before is out of every breaker's memory. */
export async function fakeTimers(): Promise<void> {
	areFaked = true;
	vi.useFakeTimers({ toFake: ["Date", "setTimeout", "clearTimeout"], now: Date.now() });
	await passTime(20_000);
}

/** The clock alone: timers of objects ring in their own context. */
export function stopClock(): void {
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 20_000 });
}

export function passTime(ms: number): Promise<unknown> {
	return vi.advanceTimersByTimeAsync(ms);
}

/** The Worker with one set of bindings, as an isolate has it, and what is wrong with them now. */
export class FaultyWorker {
	readonly #faults = new Map<Part, Fault>();
	/** By part, how often it was called while something was wrong with it, and who waits for how many. */
	readonly #met = new Map<Part, { count: number; waits: { count: number; resolve(): void }[] }>();
	readonly #contexts: ExecutionContext[] = [];
	readonly #bindings: object;

	constructor() {
		this.#bindings = {
			...env,
			SPILL_AFTER_MS: 2_000,
			DB: this.#store("DB", env.DB),
			ARCHIVE: this.#store("ARCHIVE", env.ARCHIVE),
			INTAKE: this.#store("INTAKE", env.INTAKE),
			REPO: this.#objects("REPO", env.REPO),
			POOL: this.#objects("POOL", env.POOL),
		};
	}

	break(part: Part, fault: Fault): void {
		this.#faults.set(part, fault);
	}

	/** Resolves when `count` more calls of it were made. */
	meets(part: Part, count: number): Promise<void> {
		const met = this.#met.get(part) ?? { count: 0, waits: [] };
		this.#met.set(part, met);
		const { promise, resolve } = Promise.withResolvers<void>();
		met.waits.push({ count: met.count + count, resolve });
		return promise;
	}

	mend(): void {
		this.#faults.clear();
	}

	async ask<T = unknown>(method: string, path: string, call: Call = {}): Promise<Told<T>> {
		const ctx = createExecutionContext();
		this.#contexts.push(ctx);
		const response = await main.fetch(requestOf(method, path, call) as never, this.#bindings as never, ctx);
		const { status, headers } = response;
		const text = await response.text();
		const isJson = headers.get("content-type")?.includes("json");
		const body = isJson ? JSON.parse(text) : text;
		return { status, body, stale: headers.get("spillway-stale"), retryAfter: headers.get("retry-after") };
	}

	/** Its readiness by a look of now: the time that a look is kept, and that one takes at most, pass. */
	async ready(call: Call = { token: null }): Promise<ReadinessAnswer> {
		await passTime(5_000);
		const asked = this.ask<ReadinessAnswer>("GET", "/readyz", call);
		await passTime(4_000);
		return (await asked).body;
	}

	/** All is well again, and what was begun ends. */
	async end(): Promise<void> {
		this.mend();
		if (areFaked) await passTime(60_000);
		areFaked = false;
		await Promise.all(this.#contexts.map((ctx) => waitOnExecutionContext(ctx)));
	}

	#answer(part: Part, work: () => Promise<unknown>): Promise<unknown> {
		const met = this.#met.get(part);
		if (met) {
			met.count++;
			for (const { count, resolve } of met.waits) if (met.count >= count) resolve();
		}
		switch (this.#faults.get(part)) {
			case undefined:
				return work();
			case "away":
				return Promise.reject(Object.assign(new Error("Network connection lost."), { retryable: true }));
			case "hangs":
				return new Promise(() => undefined);
			case "crawls":
				return new Promise((resolve) => setTimeout(resolve, crawlMs)).then(work);
		}
	}

	#store<T extends object>(part: Part, store: T): T {
		const statements = new WeakMap<object, object>();
		const unwrapped = (arg: unknown) =>
			Array.isArray(arg) ? arg.map((each: object) => statements.get(each) ?? each) : arg;
		const wrapped = <U extends object>(inner: U): U =>
			new Proxy(inner, {
				get: (target, name) => {
					const call: unknown = Reflect.get(target, name);
					if (typeof call !== "function") return call;
					return (...args: unknown[]) => {
						const done = () => Reflect.apply(call as Work, target, args.map(unwrapped));
						if (name !== "prepare" && name !== "bind") return this.#answer(part, done);
						const statement = done() as unknown as object;
						const made = wrapped(statement);
						statements.set(made, statement);
						return made;
					};
				},
			});
		return wrapped(store);
	}

	#objects(kind: "REPO" | "POOL", namespace: DurableObjectNamespace): object {
		return {
			idFromName: (name: string) => name,
			get: (name: string, options?: DurableObjectNamespaceGetDurableObjectOptions) => {
				const stub = namespace.get(namespace.idFromName(name), options) as unknown as Record<string, Work>;
				return new Proxy(
					{},
					{
						get:
							(_, method: string) =>
							(...args: unknown[]) =>
								this.#answer(`${kind} ${name}`, async () => stub[method]?.(...args)),
					},
				);
			},
		};
	}
}
