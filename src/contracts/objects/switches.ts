// How the operator's switches stand before anybody has moved one, and when nobody can be asked.
import type { Switches } from "../http/switches.ts";

export const switchesDefault: Switches = { acceptRuns: true, dispatch: true, spill: "auto" };
