// How the operator's switches stand before anybody has moved one, and when nobody can be asked.
import type { Millis } from "../../domain/ids.ts";
import type { Switches } from "../http/switches.ts";

export const switchesDefault: Switches = {
	acceptRuns: true,
	dispatch: true,
	spill: "auto",
	archive: true,
	project: true,
};

/** As their object keeps them. */
export interface KeptSwitches extends Switches {
	/** Since when nothing is projected; null, or absent from an object of an older deploy: it is. */
	projectOffAt?: Millis | null;
}
