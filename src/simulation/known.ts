// What those outside a queue know of it: the runs they were told are accepted, and the leases that runners were handed. Commands
// are made from this, and the queue is held to it.
import type { LeaseIdentity } from "../contracts/objects/objects.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import { jobIdFrom } from "../domain/ids.ts";
import type { Answer, Command } from "./command.ts";
import type { PoolCommand } from "./pool-command.ts";

export interface KnownLease {
	identity: LeaseIdentity;
	isStarted: boolean;
	/** Its runner reported the end, or gave the lease up as stale. */
	isOver: boolean;
	/** A pool has it, and its runner has not read so. */
	isUnread?: boolean;
}

export class Known {
	/** With how many jobs. */
	readonly runs = new Map<RunId, number>();
	readonly leases: KnownLease[] = [];
	/** Idempotency keys, each with the command it was used for. */
	readonly keys: (Command | PoolCommand)[] = [];

	get jobs(): JobId[] {
		return [...this.runs].flatMap(([run, jobs]) => Array.from({ length: jobs }, (_, index) => jobIdFrom(run, index)));
	}

	lease({ job, epoch }: LeaseIdentity): KnownLease | undefined {
		return this.leases.find(({ identity }) => identity.job === job && identity.epoch === epoch);
	}

	/** A pool was given this, and pushes it to a runner. */
	granted(identity: LeaseIdentity): void {
		this.leases.push({ identity, isStarted: false, isOver: false, isUnread: true });
	}

	/** Its runner has it. */
	read(identity: LeaseIdentity): void {
		const lease = this.lease(identity);
		if (lease) lease.isUnread = false;
	}

	note(command: Command | PoolCommand, { code, grants, jobs }: Answer): void {
		for (const identity of grants) this.leases.push({ identity, isStarted: false, isOver: false });
		const isAccepted = code === "ok";
		if (command.do === "start" || command.do === "finish") {
			const lease = this.lease(command.lease);
			if (lease && command.do === "start" && isAccepted) lease.isStarted = true;
			else if (lease && code !== "lease-not-started") lease.isOver = true;
		}
		if (!isAccepted) return;
		if (command.do === "submit" || command.do === "add") this.runs.set(command.run, jobs);
		if ("key" in command && command.key !== null) this.keys.push(command);
	}
}
