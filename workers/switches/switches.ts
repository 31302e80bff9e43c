// The switches as this isolate last knew them: refreshed in the background, and open when nobody answers, so that the
// control plane never waits for its own emergency brake.
import { proxyDurable } from "itty-durable";
import { switchesDefault } from "../../src/contracts/objects/switches.ts";
import type { KeptSwitches } from "../../src/contracts/objects/switches.ts";
import type { Millis } from "../../src/domain/ids.ts";
import type { Switches } from "../../src/contracts/http/switches.ts";
import type { Env } from "../env.ts";

const refreshMs = 30_000;

const known: { switches: Switches; projectOffAt: Millis | null; at: Millis } = {
	switches: switchesDefault,
	projectOffAt: null,
	at: 0,
};

/** Never waits. `later` keeps the refresh alive past the answer of a request; an object needs none. */
export function switchesNow(env: Env, later: (work: Promise<unknown>) => void = () => undefined): Switches {
	if (Date.now() - known.at > refreshMs) {
		known.at = Date.now();
		later(readSwitches(env).catch(() => undefined));
	}
	return known.switches;
}

/** Since when nothing is projected, as `switchesNow`; null: it is. */
export function projectOffAt(env: Env): Millis | null {
	return switchesNow(env).project ? null : known.projectOffAt;
}

export async function readSwitches(env: Env): Promise<Switches> {
	return remember(await stub(env).read());
}

/** Acts here at once, elsewhere within `refreshMs`. */
export async function changeSwitches(env: Env, patch: Partial<Switches>): Promise<Switches> {
	return remember(await stub(env).change(patch));
}

function remember({ projectOffAt = null, ...switches }: KeptSwitches): Switches {
	known.switches = { ...switchesDefault, ...switches };
	known.projectOffAt = projectOffAt;
	known.at = Date.now();
	return known.switches;
}

function stub(env: Env): { read(): Promise<KeptSwitches>; change(patch: Partial<Switches>): Promise<KeptSwitches> } {
	return proxyDurable(env.SWITCHES, { name: "SWITCHES", parse: true }).get("switches");
}
