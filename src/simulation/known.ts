// What those outside a queue know of it: the runs they were told are accepted, and the leases that runners were handed. Commands
// are made from this, and the queue is held to it.
import type { LeaseClaim } from "../contracts/objects/objects.ts";
import type { JobId, RunId } from "../domain/ids.ts";
import { jobIdFrom } from "../domain/ids.ts";
import type { Answer, Command } from "./command.ts";

export interface KnownLease {
	claim: LeaseClaim;
	isStarted: boolean;
	/** Its runner reported the end, or gave the lease up as stale. */
	isOver: boolean;
}

export class Known {
	/** With how many jobs. */
	readonly runs = new Map<RunId, number>();
	readonly leases: KnownLease[] = [];
	/** Idempotency keys, each with the command it was used for. */
	readonly keys: Command[] = [];

	get jobs(): JobId[] {
		return [...this.runs].flatMap(([run, jobs]) => Array.from({ length: jobs }, (_, index) => jobIdFrom(run, index)));
	}

	lease({ job, epoch }: LeaseClaim): KnownLease | undefined {
		return this.leases.find(({ claim }) => claim.job === job && claim.epoch === epoch);
	}

	note(command: Command, { code, grants, jobs }: Answer): void {
		for (const claim of grants) this.leases.push({ claim, isStarted: false, isOver: false });
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
