// A pool's shard in a world made by hand: its engine over a SQLite in memory, and the sockets of its runners. Tables and sockets
// outlive the engine, as they outlive an object that sleeps.
import type { ServerFrame } from "../../contracts/wire/sockets/runner-session.ts";
import { brokenCloseCode } from "../../contracts/wire/sockets/close-code.ts";
import type { PoolShardName } from "../../contracts/wire/object-name.ts";
import type { Connect } from "../../contracts/wire/sockets/runner-socket.ts";
import type { NotKnown } from "../../contracts/objects/objects.ts";
import type { Millis } from "../../domain/ids.ts";
import type { World } from "../../engine/ports.ts";
import { PoolEngine } from "../../engine/pool/pool-engine.ts";
import type { PoolOutside, RunnerSocket } from "../../engine/pool/pool-ports.ts";
import { SqliteStorage } from "./sqlite-storage.ts";

/** The pool's end of a socket, and what went over it. */
export class SimulatedSocket implements RunnerSocket {
	readonly frames: ServerFrame[] = [];
	closedWith: number | null = null;
	pingedAt: Millis | null = null;
	#attached: unknown = null;

	get isOpen(): boolean {
		return this.closedWith === null;
	}

	send(text: string): void {
		if (!this.isOpen) throw new Error("the socket is closed");
		this.frames.push(JSON.parse(text));
	}

	close(code: number): void {
		if (!this.isOpen) throw new Error("the socket is closed");
		this.closedWith = code;
	}

	serializeAttachment(value: unknown): void {
		this.#attached = structuredClone(value);
	}

	deserializeAttachment(): unknown {
		return structuredClone(this.#attached);
	}
}

export class SimulatedShard {
	readonly name: PoolShardName;
	readonly storage = new SqliteStorage();
	readonly sockets: SimulatedSocket[] = [];
	readonly #around: (storage: SqliteStorage) => { world: World; outside: PoolOutside };
	#engine: PoolEngine;

	/** `around` is asked for anew with each engine, so that what an earlier one waits for can be lost. */
	constructor(name: PoolShardName, around: (storage: SqliteStorage) => { world: World; outside: PoolOutside }) {
		this.name = name;
		this.#around = around;
		this.#engine = this.#wake();
	}

	get engine(): PoolEngine {
		return this.#engine;
	}

	connect(connect: Connect): SimulatedSocket | NotKnown {
		const socket = new SimulatedSocket();
		const refused = this.#engine.connect(connect, () => {
			this.sockets.push(socket);
			return socket;
		});
		return refused ?? socket;
	}

	/** They break, and no engine hears of it. */
	dropSockets(): void {
		for (const socket of this.sockets) if (socket.isOpen) socket.close(brokenCloseCode);
	}

	/** Everything in memory is lost. */
	sleep(): void {
		this.#engine = this.#wake();
	}

	#wake(): PoolEngine {
		const { sockets, name } = this;
		return new PoolEngine({
			...this.#around(this.storage),
			name,
			sockets: {
				open: () => sockets.filter(({ isOpen }) => isOpen),
				pingedAt: (socket) => (socket as SimulatedSocket).pingedAt,
			},
		});
	}
}
