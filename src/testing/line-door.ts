// A second door, for tests: operations asked over a stream of bytes, one JSON text a line each way. It shows that a door adds
// files and changes none: it authenticates in its own way, translates, and writes its own errors.
import type { FinishRequest } from "../contracts/http/lease.ts";
import type { RegisterRequest } from "../contracts/http/runner.ts";
import type { RunRequest } from "../contracts/http/run.ts";
import type { LeaseIdentity, RunnerIdentity } from "../contracts/objects/objects.ts";
import type { TokenPayload, TokenKind } from "../contracts/objects/token-payload.ts";
import { accept, refuse } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import type { Caller } from "../operations/access.ts";
import { appendLog, finishAttempt, startAttempt, tellSteps } from "../operations/leases/lease-calls.ts";
import type { Ports } from "../operations/ports.ts";
import { acquireGrant, registerRunner } from "../operations/leases/runner-calls.ts";
import { getRun, submitRun } from "../operations/runs/runs.ts";

export interface LineConnection {
	readable: ReadableStream<Uint8Array>;
	writable: WritableStream<Uint8Array>;
}

export interface LineDoor {
	ports: Ports;
	/** Who a password is: this door knows no tokens of its callers. */
	callers: ReadonlyMap<string, Caller>;
	readToken<Kind extends TokenKind>(kind: Kind, token: string): TokenPayload[Kind] | null;
}

interface Repository {
	owner: string;
	repo: string;
}

type LeaseCall =
	| { ask: "start"; lease: string }
	| { ask: "log"; lease: string; offset: number; text: string }
	| { ask: "steps"; lease: string }
	| { ask: "finish"; lease: string; report: FinishRequest };

export type LineCall =
	| { ask: "hello"; password: string }
	| { ask: "submit"; repository: Repository; request: RunRequest }
	| { ask: "run"; repository: Repository; run: string }
	| { ask: "register"; owner: string; pool: string; request: RegisterRequest }
	| { ask: "acquire"; waitSeconds: number }
	| LeaseCall;

export type LineAnswer = { value: unknown } | { refused: string };

/** Until the other side ends the connection. */
export async function serveLines(door: LineDoor, { readable, writable }: LineConnection): Promise<void> {
	const session = new LineSession(door);
	const writer = writable.getWriter();
	for await (const line of linesOf(readable)) {
		const result = await session.answer(JSON.parse(line) as LineCall);
		const answer: LineAnswer = result.ok ? { value: result.value } : { refused: result.refusal.code };
		await writer.write(new TextEncoder().encode(`${JSON.stringify(answer)}\n`));
	}
	await writer.close();
}

export async function* linesOf(readable: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
	const decoder = new TextDecoder();
	let rest = "";
	for await (const bytes of readable as unknown as AsyncIterable<Uint8Array>) {
		const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
		rest = lines.pop() ?? "";
		yield* lines;
	}
}

/** What one connection is: a caller, the runner that it registered, and the leases that this one was granted. */
class LineSession {
	readonly #door: LineDoor;
	#caller: Caller | null = null;
	#runner: RunnerIdentity | null = null;
	readonly #leases = new Map<string, LeaseIdentity>();

	constructor(door: LineDoor) {
		this.#door = door;
	}

	async answer(call: LineCall): Promise<Result<unknown>> {
		const { ports, callers } = this.#door;
		switch (call.ask) {
			case "hello":
				this.#caller = callers.get(call.password) ?? null;
				return this.#asCaller(async () => accept(null));
			case "submit":
				return this.#asCaller((caller) => submitRun(ports, caller, { ...call, key: null }));
			case "run":
				return this.#asCaller((caller) => getRun(ports, caller, { ...call, run: { id: call.run } }));
			case "register":
				return this.#asCaller((caller) => this.#register(caller, call));
			case "acquire":
				return this.#acquire(call.waitSeconds);
			case "start":
			case "log":
			case "steps":
			case "finish": {
				const lease = this.#leases.get(call.lease);
				return lease ? this.#withLease(lease, call) : refuse({ code: "unknown" });
			}
		}
	}

	async #asCaller(ask: (caller: Caller) => Promise<Result<unknown>>): Promise<Result<unknown>> {
		return this.#caller ? ask(this.#caller) : refuse({ code: "unknown" });
	}

	async #register(caller: Caller, call: LineCall & { ask: "register" }): Promise<Result<unknown>> {
		const registered = await registerRunner(this.#door.ports, caller, { ...call, key: null });
		if (registered.ok) this.#runner = this.#door.readToken("runner", registered.value.token);
		return registered.ok ? accept(registered.value.id) : registered;
	}

	async #acquire(waitSeconds: number): Promise<Result<unknown>> {
		if (this.#runner === null) return refuse({ code: "runner-unknown" });
		const granted = await acquireGrant(this.#door.ports, this.#runner, {
			waitSeconds,
			leases: [...this.#leases.keys()],
		});
		if (!granted.ok || granted.value === null) return granted;
		const { lease, job } = granted.value;
		const identity = this.#door.readToken("lease", lease.token);
		if (identity !== null) this.#leases.set(lease.id, identity);
		return accept({ lease: lease.id, job: job.id });
	}

	async #withLease(lease: LeaseIdentity, call: LeaseCall): Promise<Result<unknown>> {
		const { ports } = this.#door;
		switch (call.ask) {
			case "start":
				return startAttempt(ports, lease);
			case "log": {
				const bytes = new TextEncoder().encode(call.text);
				return appendLog(ports, lease, { offset: call.offset, bytes, kind: "live" });
			}
			case "steps":
				return tellSteps(ports, lease, []);
			case "finish": {
				const { outcome, exitCode = null, logLength } = call.report;
				const silent = { signal: null, reason: null, steps: [], logSha256: null, retryAfterSeconds: null };
				return finishAttempt(ports, lease, { outcome, exitCode, logLength, ...silent });
			}
		}
	}
}
