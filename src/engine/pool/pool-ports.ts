// What the engine of a pool's shard is given beside its world: its runners' sockets, and the far ends that it calls. Each call may
// fail or come twice on the way; none is made inside a turn.
import type { LeaseIdentity, PoolCalls, RepoCalls, RepositoryName } from "../../contracts/objects/objects.ts";
import type { LogCalls } from "../../contracts/objects/log-calls.ts";
import type { LogName, PoolShardName } from "../../contracts/wire/object-name.ts";
import type { Millis } from "../../domain/ids.ts";

/** The pool's end of a runner's WebSocket. Its attachment outlives the engine. */
export interface RunnerSocket {
	/** Throws when the socket is closed. */
	send(text: string): void;
	/** Throws when the socket is closed. */
	close(code: number, reason: string): void;
	serializeAttachment(value: unknown): void;
	deserializeAttachment(): unknown;
}

export interface RunnerSockets {
	/** Those that are open. */
	open(): RunnerSocket[];
	/** When the platform last answered a ping on it, which wakes no engine; null: never. */
	pingedAt(socket: RunnerSocket): Millis | null;
}

export interface PoolOutside {
	repo(name: RepositoryName): Pick<RepoCalls, "claim" | "demand" | "expire" | "hearPause">;
	/** Another shard of the same pool. */
	shard(name: PoolShardName): Pick<PoolCalls, "join" | "obey">;
	log(name: LogName): Pick<LogCalls, "unattended">;
	/** Whether the operator lets jobs be handed out. Never waits. */
	mayDispatch(): boolean;
	/** The token with which a runner speaks for its lease. */
	signLease(lease: LeaseIdentity): string;
}
