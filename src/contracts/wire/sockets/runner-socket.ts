// How the Worker connects a runner's socket to its pool, what the pool answers when there is none, and what it attaches to one.
// Who the runner is stands in a header that only the Worker writes, since it makes the request anew.
import type { LeaseId, Millis } from "../../../domain/ids.ts";
import type { Refusal } from "../../../domain/refusal.ts";
import { assert } from "../../../domain/refusal.ts";
import type { RunnerIdentity } from "../../objects/objects.ts";
import { upgradeRequest } from "./upgrade.ts";

/** `named`: the leases that the runner holds; null: it did not say. */
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

/** The pool does not know the runner, or not any more. */
export function noRunnerSocket(refusal: Refusal): Response {
	return Response.json(refusal, { status: 404 });
}

/** Null: the answer is the runner's socket, or the failure of a pool that says nothing about the runner. */
export async function readNoRunnerSocket(response: Response): Promise<Refusal | null> {
	return response.status === 404 ? ((await response.json()) as Refusal) : null;
}

/** A header carries ASCII only; JSON may escape the rest. */
function toAscii(json: string): string {
	return json.replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** Waits for one grant. `named` null: the runner did not say what it holds. */
export interface Poll {
	kind: "poll";
	runner: RunnerIdentity;
	named: LeaseId[] | null;
	since: Millis;
}

/** `instanceId` is null until the runner said hello: before that it gets nothing. */
export interface Session {
	kind: "session";
	runner: RunnerIdentity;
	instanceId: string | null;
	/** It said bye: no grants any more. */
	leaving: boolean;
	/** When it last said something itself; the platform knows its pings. */
	heardAt: Millis;
}

/** What a socket carries while the object sleeps. */
export type Attachment = Poll | Session;

export function attachmentOf(connect: Connect, now: Millis): Attachment {
	return connect.kind === "poll"
		? { ...connect, since: now }
		: { ...connect, instanceId: null, leaving: false, heardAt: now };
}

/** Null: nothing was attached, since the object died between the two. */
export function readAttachment(attached: unknown): Attachment | null {
	return (attached as Attachment | null | undefined) ?? null;
}
