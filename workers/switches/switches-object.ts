// The operator's switches: tiny, rare, scalar state, and the only place for itty-durable. It persists in the setter alone (its
// autoPersist would write on reads), and no user's request ever reaches it: its `fetch` would call any method by name.
import { createDurable } from "itty-durable";
import { switchesDefault } from "../../src/contracts/objects/switches.ts";
import type { Switches } from "../../src/contracts/http/switches.ts";

export class SwitchesObject extends createDurable() {
	acceptRuns = switchesDefault.acceptRuns;
	dispatch = switchesDefault.dispatch;
	spill = switchesDefault.spill;

	read(): Switches {
		const { acceptRuns, dispatch, spill } = this;
		return { acceptRuns, dispatch, spill };
	}

	async change(patch: Partial<Switches>): Promise<Switches> {
		this.acceptRuns = patch.acceptRuns ?? this.acceptRuns;
		this.dispatch = patch.dispatch ?? this.dispatch;
		this.spill = patch.spill ?? this.spill;
		await this.persist();
		return this.read();
	}
}
