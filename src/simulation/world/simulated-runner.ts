// A runner at its end of a session, as far as a pool can tell: it says hello with the leases that it holds, reads what is pushed
// unless it is frozen, and may lose its socket with or without a close.
import type { LeaseIdentity, RunnerIdentity } from "../../contracts/objects/objects.ts";
import { doneCloseCode, brokenCloseCode } from "../../contracts/wire/sockets/close-code.ts";
import type { Grant } from "../../contracts/http/runner.ts";
import type { LeaseId, Millis } from "../../domain/ids.ts";
import type { SimulatedShard, SimulatedSocket } from "./simulated-shard.ts";

export class SimulatedRunner {
	readonly identity: RunnerIdentity;
	readonly #shard: SimulatedShard;
	#socket: SimulatedSocket | null = null;
	#read = 0;
	#process = 0;
	#hasLeft = false;
	readonly #taken: LeaseIdentity[] = [];
	isFrozen = false;
	/** Since its session began. */
	wasFrozen = false;
	/** What it holds, as far as it knows. */
	readonly held = new Map<LeaseId, LeaseIdentity>();

	constructor(identity: RunnerIdentity, shard: SimulatedShard) {
		this.identity = identity;
		this.#shard = shard;
	}

	get isConnected(): boolean {
		return this.#socket?.isOpen === true;
	}

	/** Whether it would take a job that came now. */
	get isWilling(): boolean {
		return this.isConnected && !this.isFrozen && !this.#hasLeft;
	}

	/** It opens a session and says hello. A new process holds nothing. */
	async come({ isNewProcess }: { isNewProcess: boolean }): Promise<void> {
		await this.#shard.engine.register(this.identity, null);
		this.isFrozen = false;
		this.wasFrozen = false;
		if (isNewProcess) {
			this.#process++;
			this.held.clear();
		}
		const socket = this.#shard.connect({ kind: "session", runner: this.identity });
		if (typeof socket === "string") return;
		this.#socket = socket;
		this.#read = 0;
		this.#hasLeft = false;
		const { capacity } = this.identity;
		await this.#say({ type: "hello", instanceId: `p${this.#process}`, capacity, leases: [...this.held.keys()] });
	}

	async bye(): Promise<void> {
		if (!this.isConnected) return;
		this.#hasLeft = true;
		await this.#say({ type: "bye" });
	}

	/** With a close that its pool hears of, or without. */
	drop({ isTold }: { isTold: boolean }): void {
		const socket = this.#socket;
		this.#socket = null;
		if (socket === null || !socket.isOpen) return;
		socket.close(isTold ? doneCloseCode : brokenCloseCode);
		if (isTold) this.#shard.engine.left(socket);
	}

	ping(now: Millis): void {
		if (this.#socket?.isOpen && !this.isFrozen) this.#socket.pingedAt = now;
	}

	/** What it was handed since this was asked last. A grant that an ended socket carried and it did not read is lost. */
	read(): LeaseIdentity[] {
		const taken = this.#taken.splice(0);
		const socket = this.#socket;
		if (socket === null || this.isFrozen) return taken;
		for (const frame of socket.frames.slice(this.#read)) {
			if (frame.type === "grant") this.take(frame.grant);
			if (frame.type === "lost") this.held.delete(frame.lease);
		}
		this.#read = socket.frames.length;
		if (!socket.isOpen) this.#socket = null;
		return [...taken, ...this.#taken.splice(0)];
	}

	take({ lease }: Grant): void {
		const identity: LeaseIdentity = JSON.parse(lease.token);
		this.held.set(lease.id, identity);
		this.#taken.push(identity);
	}

	#say(frame: unknown): Promise<void> {
		return this.#socket ? this.#shard.engine.hear(this.#socket, JSON.stringify(frame)) : Promise.resolve();
	}
}
