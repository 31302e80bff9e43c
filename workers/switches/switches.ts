// The switches as this isolate last knew them: refreshed in the background, and open when nobody answers, so that the
// control plane never waits for its own emergency brake.
import { proxyDurable } from "itty-durable";
import { switchesDefault } from "../../src/contracts/objects/switches.ts";
import type { Switches } from "../../src/contracts/http/switches.ts";
import type { Env } from "../env.ts";

const refreshMs = 30_000;

const known: { switches: Switches; at: number } = { switches: switchesDefault, at: 0 };

/** Never waits. `later` keeps the refresh alive past the answer of a request; an object needs none. */
export function switchesNow(env: Env, later: (work: Promise<unknown>) => void = () => undefined): Switches {
	if (Date.now() - known.at > refreshMs) {
		known.at = Date.now();
		later(readSwitches(env).catch(() => undefined));
	}
	return known.switches;
}

export async function readSwitches(env: Env): Promise<Switches> {
	return remember(await stub(env).read());
}

/** Acts here at once, elsewhere within `refreshMs`. */
export async function changeSwitches(env: Env, patch: Partial<Switches>): Promise<Switches> {
	return remember(await stub(env).change(patch));
}

function remember(switches: Switches): Switches {
	known.switches = { ...switchesDefault, ...switches };
	known.at = Date.now();
	return known.switches;
}

function stub(env: Env): { read(): Promise<Switches>; change(patch: Partial<Switches>): Promise<Switches> } {
	return proxyDurable(env.SWITCHES, { name: "SWITCHES", parse: true }).get("switches");
}
