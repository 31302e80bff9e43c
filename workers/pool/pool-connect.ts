// How the Worker connects a runner's socket to its pool: who it is stands in a header that only the Worker writes, since it
// makes the request anew.
import type { RunnerIdentity } from "../../src/contracts/objects/objects.ts";
import { upgradeRequest } from "../../src/contracts/wire/upgrade.ts";
import type { LeaseId } from "../../src/domain/ids.ts";
import { assert } from "../../src/domain/refusal.ts";

export type Connect =
	| { kind: "poll"; runner: RunnerIdentity; named: LeaseId[] | null }
	| { kind: "session"; runner: RunnerIdentity };

const header = "x-spillway-connect";

export function connectRequest(connect: Connect): Request {
	return upgradeRequest("https://pool/", { [header]: toAscii(JSON.stringify(connect)) });
}

export function readConnect(request: Request): Connect {
	const text = request.headers.get(header);
	assert(text, "only the Worker connects here");
	return JSON.parse(text);
}

/** A header carries ASCII only; JSON may escape the rest. */
function toAscii(json: string): string {
	return json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
