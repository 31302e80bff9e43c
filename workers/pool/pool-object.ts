// The Durable Object of one shard of a pool: gives its engine the platform's storage, clock, sockets and far ends, and passes each
// call on. Waiting runners are hibernatable sockets, so that waiting costs nothing.
import { DurableObject } from "cloudflare:workers";
import type {
	Demand,
	PoolCalls,
	RunnerIdentity,
	RunnerWord,
	ShardSettings,
} from "../../src/contracts/objects/objects.ts";
import type { PoolPatch, RunnerPatch } from "../../src/contracts/http/runner.ts";
import { readPoolObjectName } from "../../src/contracts/wire/object-name.ts";
import { noRunnerSocket, readConnect } from "../../src/contracts/wire/sockets/runner-socket.ts";
import type { LeaseId } from "../../src/domain/ids.ts";
import { PoolEngine } from "../../src/engine/pool/pool-engine.ts";
import type { Env } from "../env.ts";
import { heedSwitchesAtWaking } from "../switches/switches.ts";
import { worldOf } from "../world.ts";
import { poolOutside } from "./pool-outside.ts";

export class PoolObject extends DurableObject<Env> implements PoolCalls {
	readonly #engine: PoolEngine;

	constructor(ctx: DurableObjectState, env: Env) {
		super(ctx, env);
		heedSwitchesAtWaking(ctx, env);
		ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
		this.#engine = new PoolEngine({
			world: worldOf(ctx),
			outside: poolOutside(env),
			sockets: {
				open: () => ctx.getWebSockets().filter((socket) => socket.readyState === WebSocket.OPEN),
				pingedAt: (socket) => ctx.getWebSocketAutoResponseTimestamp(socket as WebSocket)?.getTime() ?? null,
			},
			name: readPoolObjectName(ctx.id.name ?? ""),
		});
	}

	override async fetch(request: Request): Promise<Response> {
		let webSocket: WebSocket | null = null;
		const refused = this.#engine.connect(readConnect(request), () => {
			const { 0: client, 1: server } = new WebSocketPair();
			this.ctx.acceptWebSocket(server);
			webSocket = client;
			return server;
		});
		if (refused !== null) return noRunnerSocket({ code: refused });
		return new Response(null, { status: 101, webSocket });
	}

	override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer) {
		return this.#engine.hear(socket, message);
	}

	override webSocketClose(socket: WebSocket) {
		this.#engine.left(socket);
	}

	override webSocketError(socket: WebSocket) {
		this.#engine.left(socket);
	}

	register(runner: RunnerIdentity, key?: string) {
		return this.#engine.register(runner, key);
	}

	acquire(runner: RunnerIdentity, named: LeaseId[] | null, said?: RunnerWord) {
		return this.#engine.acquire(runner, named, said);
	}

	heartbeat(runner: RunnerIdentity, leases: LeaseId[], said?: RunnerWord) {
		return this.#engine.heartbeat(runner, leases, said);
	}

	setRunner(runner: string, patch: RunnerPatch) {
		return this.#engine.setRunner(runner, patch);
	}

	removeRunner(runner: string) {
		return this.#engine.removeRunner(runner);
	}

	tokensEnded(tokens: string[]) {
		return this.#engine.tokensEnded(tokens);
	}

	renew(lease: LeaseId) {
		return this.#engine.renew(lease);
	}

	demand(demand: Demand) {
		return this.#engine.demand(demand);
	}

	ended(leases: LeaseId[], lapsed?: LeaseId[], faulted?: LeaseId[]) {
		return this.#engine.ended(leases, lapsed, faulted);
	}

	canceled(leases: LeaseId[]) {
		return this.#engine.canceled(leases);
	}

	holds(leases: LeaseId[]) {
		return this.#engine.holds(leases);
	}

	figures() {
		return this.#engine.figures();
	}

	runnerIds() {
		return this.#engine.runnerIds();
	}

	configure(patch: PoolPatch) {
		return this.#engine.configure(patch);
	}

	join(shard: number) {
		return this.#engine.join(shard);
	}

	obey(settings: ShardSettings) {
		return this.#engine.obey(settings);
	}

	override alarm() {
		return this.#engine.alarm();
	}
}
