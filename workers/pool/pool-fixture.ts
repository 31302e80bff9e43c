// A runner at its end of a session, and what it holds, as tests of the pool use them.
import { expect, vi } from "vitest";
import { env as bindings } from "cloudflare:workers";
import { parseKeys, readToken } from "../../src/auth/token.ts";
import type { Grant } from "../../src/contracts/http/runner.ts";
import type { LeaseIdentity, RunnerIdentity } from "../../src/contracts/objects/objects.ts";
import type { Env } from "../env.ts";
import type { ServerFrame } from "../../src/contracts/wire/sockets/runner-session.ts";
import { connectRequest } from "../../src/contracts/wire/sockets/runner-socket.ts";
import { orThrow } from "../../src/doors/http/answer.ts";
import { poolOf, repoOf } from "../repo/queue-fixture.ts";

/** Frames are taken in the order in which they came. */
export class SessionRunner {
	readonly #socket: WebSocket;
	readonly #frames: ServerFrame[] = [];
	readonly closed: Promise<number>;
	/** Pings that were answered. */
	pongs = 0;

	constructor(socket: WebSocket) {
		this.#socket = socket;
		socket.addEventListener("message", ({ data }) => {
			if (data === "pong") this.pongs++;
			else this.#frames.push(JSON.parse(String(data)));
		});
		this.closed = new Promise((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
		socket.accept();
	}

	static async connect(runner: RunnerIdentity): Promise<SessionRunner> {
		const pool = poolOf(runner, runner.shard);
		const { webSocket } = await pool.fetch(connectRequest({ kind: "session", runner }));
		if (!webSocket) throw new Error("no session");
		return new SessionRunner(webSocket);
	}

	hello(leases: string[] = [], { instanceId = "i1", capacity = 1 } = {}): void {
		this.say({ type: "hello", instanceId, capacity, leases });
	}

	/** A hello that was certainly taken: the pool answers to the lease that nobody has. */
	async helloHeard(leases: string[], rest: { instanceId?: string; capacity?: number } = {}): Promise<void> {
		this.hello([...leases, "nobody's"], rest);
		await this.frame("lost");
	}

	say(frame: unknown): void {
		this.#socket.send(typeof frame === "string" ? frame : JSON.stringify(frame));
	}

	close(): void {
		this.#socket.close(1000, "gone");
	}

	async frame<T extends ServerFrame["type"]>(type: T): Promise<ServerFrame & { type: T }> {
		const found = () => this.#frames.findIndex((frame) => frame.type === type);
		await vi.waitFor(() => expect(found()).toBeGreaterThanOrEqual(0), { timeout: 5_000 });
		return this.#frames.splice(found(), 1)[0] as ServerFrame & { type: T };
	}

	async grant() {
		return (await this.frame("grant")).grant;
	}

	get waiting(): number {
		return this.#frames.length;
	}
}

/** What the grant's token says: a grant without a good one is no grant. */
export function leaseOf(grant: Pick<Grant, "lease"> | null): LeaseIdentity {
	const lease =
		grant && readToken(parseKeys((bindings as unknown as Env).SPILLWAY_SIGNING_KEYS), "lease", grant.lease.token);
	if (!lease) throw new Error("no grant with a good token");
	return lease;
}

/** As its runner starts it. */
export async function started(grant: Pick<Grant, "lease"> | null): Promise<LeaseIdentity> {
	const lease = leaseOf(grant);
	orThrow(await repoOf(lease).start(lease));
	return lease;
}
