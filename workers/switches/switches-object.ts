// The operator's switches: tiny, rare, scalar state, and the only place for itty-durable. It persists in the setter alone (its
// autoPersist would write on reads), and no user's request ever reaches it: its `fetch` would call any method by name.
import { createDurable } from "itty-durable";
import { switchesDefault } from "../../src/contracts/objects/switches.ts";
import type { KeptSwitches } from "../../src/contracts/objects/switches.ts";
import type { Switches } from "../../src/contracts/http/switches.ts";

export class SwitchesObject extends createDurable() {
	acceptRuns = switchesDefault.acceptRuns;
	dispatch = switchesDefault.dispatch;
	spill = switchesDefault.spill;
	archive = switchesDefault.archive;
	project = switchesDefault.project;
	projectOffAt: number | null = null;

	read(): KeptSwitches {
		const { acceptRuns, dispatch, spill, archive, project, projectOffAt } = this;
		return { acceptRuns, dispatch, spill, archive, project, projectOffAt };
	}

	async change(patch: Partial<Switches>): Promise<KeptSwitches> {
		this.acceptRuns = patch.acceptRuns ?? this.acceptRuns;
		this.dispatch = patch.dispatch ?? this.dispatch;
		this.spill = patch.spill ?? this.spill;
		this.archive = patch.archive ?? this.archive;
		this.project = patch.project ?? this.project;
		this.projectOffAt = this.project ? null : (this.projectOffAt ?? Date.now());
		await this.persist();
		return this.read();
	}
}
