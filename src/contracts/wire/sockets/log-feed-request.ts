// How the Worker connects a runner's socket to its log. The claim, which the Worker has read from a signed token, stands in a
// header that only the Worker writes, since it makes the request anew.
import type { Refusal } from "../../../domain/refusal.ts";
import type { LeaseClaim } from "../../objects/objects.ts";
import { upgradeRequest } from "./upgrade.ts";

const claimHeader = "x-spillway-claim";

/** A claim is ASCII throughout, as a header must be. */
export function logFeedRequest(claim: LeaseClaim): Request {
	return upgradeRequest("https://log/feed", { [claimHeader]: JSON.stringify(claim) });
}

/** Null for a request that is no runner's. */
export function readLogFeedRequest({ headers }: { headers: Headers }): LeaseClaim | null {
	const text = headers.get(claimHeader);
	return text === null ? null : (JSON.parse(text) as LeaseClaim);
}

/** The lease may not write. */
export function noLogFeed(refusal: Refusal): Response {
	return Response.json(refusal, { status: 409 });
}

/** Null: the answer is the runner's socket. */
export async function readNoLogFeed(response: Response): Promise<Refusal | null> {
	return response.status === 409 ? ((await response.json()) as Refusal) : null;
}
