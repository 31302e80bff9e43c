// The switches as this isolate last knew them: refreshed in the background, and open when nobody answers, so that the control
// plane never waits for its own emergency brake. Only what comes while nothing was ever read waits, for a moment.
import { proxyDurable } from "itty-durable";
import { switchesDefault } from "../../src/contracts/objects/switches.ts";
import type { KeptSwitches } from "../../src/contracts/objects/switches.ts";
import type { Millis } from "../../src/domain/ids.ts";
import type { Switches } from "../../src/contracts/http/switches.ts";
import type { Env } from "../env.ts";

const refreshMs = 30_000;

/** A read that failed, or was lost with its request, is made again after this long, then after twice as long, up to `refreshMs`. */
const againMsMin = 1_000;

/** Whoever comes before anything was read waits this long for it, and goes by the defaults then. */
const firstWaitMs = 500;

interface Known {
	switches: Switches;
	projectOffAt: Millis | null;
	isRead: boolean;
	/** When they are asked for next, whatever becomes of a read that is under way. */
	askAt: Millis;
	againMs: number;
	/** Until then everybody who comes waits, from the first on; afterwards only who asks again. */
	allWaitUntil: Millis | null;
}

/** By the binding that reads them, of which an isolate has one: the Worker and all objects in it share what is known. */
const knownBy = new WeakMap<Env["SWITCHES"], Known>();

function knownOf({ SWITCHES }: Env): Known {
	const known = knownBy.get(SWITCHES);
	if (known) return known;
	const nothing = {
		switches: switchesDefault,
		projectOffAt: null,
		isRead: false,
		askAt: 0,
		againMs: againMsMin,
		allWaitUntil: null,
	};
	knownBy.set(SWITCHES, nothing);
	return nothing;
}

type Later = (work: Promise<unknown>) => void;

/**
 * At the door of whatever this isolate does: `later` keeps the refresh alive past its end. Before anything was read each caller reads
 * for itself, since what one request waits for is no other's, and waits for `firstWaitMs` at most. Never throws.
 */
export async function heedSwitches(env: Env, later: Later = () => undefined): Promise<void> {
	const known = knownOf(env);
	if (known.isRead) {
		switchesNow(env, later);
		return;
	}
	const now = Date.now();
	known.allWaitUntil ??= now + firstWaitMs;
	if (now >= known.allWaitUntil && now < known.askAt) return;
	const read = tryToRead(env);
	later(read);
	await Promise.race([read, scheduler.wait(firstWaitMs)]);
}

/** An object that wakes before its isolate has read the switches waits for them as a request does. */
export function heedSwitchesAtWaking(ctx: DurableObjectState, env: Env): void {
	if (!knownOf(env).isRead) void ctx.blockConcurrencyWhile(() => heedSwitches(env));
}

/** Never waits. `later` keeps the refresh alive past the answer of a request; an object needs none. */
export function switchesNow(env: Env, later: Later = () => undefined): Switches {
	const known = knownOf(env);
	if (Date.now() >= known.askAt) later(tryToRead(env));
	return known.switches;
}

async function tryToRead(env: Env): Promise<void> {
	const known = knownOf(env);
	const now = Date.now();
	if (now >= known.askAt) {
		known.askAt = now + known.againMs;
		known.againMs = Math.min(2 * known.againMs, refreshMs);
	}
	await readSwitches(env).catch(() => undefined);
}

/** Since when nothing is projected, as `switchesNow`; null: it is. */
export function projectOffAt(env: Env): Millis | null {
	return switchesNow(env).project ? null : knownOf(env).projectOffAt;
}

export async function readSwitches(env: Env): Promise<Switches> {
	return remember(knownOf(env), await stub(env).read());
}

/** Acts here at once, elsewhere within `refreshMs`. */
export async function changeSwitches(env: Env, patch: Partial<Switches>): Promise<Switches> {
	return remember(knownOf(env), await stub(env).change(patch));
}

function remember(known: Known, { projectOffAt = null, ...switches }: KeptSwitches): Switches {
	known.switches = { ...switchesDefault, ...switches };
	known.projectOffAt = projectOffAt;
	known.isRead = true;
	known.askAt = Date.now() + refreshMs;
	known.againMs = againMsMin;
	return known.switches;
}

function stub(env: Env): { read(): Promise<KeptSwitches>; change(patch: Partial<Switches>): Promise<KeptSwitches> } {
	return proxyDurable(env.SWITCHES, { name: "SWITCHES", parse: true }).get("switches");
}
