// Lists that an operator writes as one variable, comma between. Each is read once in an isolate, and again when it has changed; one
// that is none is a fault of the deploy, which each call then shows, and the log names.
import { parseNetworks } from "../src/domain/text/client-address.ts";
import { originsWanted, parseOrigins } from "../src/domain/text/origins.ts";
import type { Env } from "./env.ts";

type ListVariable = "SPILLWAY_TRUSTED_PROXIES" | "SPILLWAY_ALLOWED_ORIGINS";

export const trustedProxiesOf = listOf(
	"SPILLWAY_TRUSTED_PROXIES",
	parseNetworks,
	"must be addresses or networks, comma between",
);
export const allowedOriginsOf = listOf("SPILLWAY_ALLOWED_ORIGINS", parseOrigins, originsWanted);

function listOf<T>(name: ListVariable, parse: (text: string) => T[] | null, wanted: string): (env: Env) => T[] {
	let read: { text: string; list: T[] } | null = null;
	return ({ [name]: text = "" }) => {
		if (read?.text === text) return read.list;
		const list = parse(text);
		if (list === null) throw new Error(`the variable ${name} ${wanted}`);
		read = { text, list };
		return list;
	};
}
