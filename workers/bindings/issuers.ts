// The issuers of this isolate, read once, and again when their settings have changed; what is wrong with those goes to the log then.
import { Issuers } from "../../src/auth/issuers/issuers.ts";
import type { Env } from "../env.ts";
import { report } from "../report.ts";

let known: { settings: string; issuers: Issuers } | null = null;

export function issuersOf({ SPILLWAY_ISSUERS: issuers, SPILLWAY_ISSUER_SECRETS: secrets }: Env): Issuers {
	const settings = JSON.stringify([issuers, secrets]);
	if (known?.settings === settings) return known.issuers;
	const read = new Issuers({ issuers, secrets, now: Date.now, fetch: (address, init) => fetch(address, init) });
	if (read.faults.length > 0) report({ event: "issuers-misconfigured", faults: [...read.faults] });
	known = { settings, issuers: read };
	return read;
}
