// How the Worker connects a runner's socket to its log. The lease, which the Worker has read from a signed token, stands in a
// header that only the Worker writes, since it makes the request anew.
import type { Refusal } from "../../../domain/refusal.ts";
import type { LeaseIdentity } from "../../objects/objects.ts";
import { upgradeRequest } from "./upgrade.ts";

/** Named as the last release names it: the other end may be of that build. */
const leaseHeader = "x-spillway-claim";

/** A lease identity is ASCII throughout, as a header must be. */
export function uploadSocketRequest(lease: LeaseIdentity): Request {
	return upgradeRequest("https://log/upload", { [leaseHeader]: JSON.stringify(lease) });
}

/** Null for a request that is no runner's. */
export function readUploadSocketRequest({ headers }: { headers: Headers }): LeaseIdentity | null {
	const text = headers.get(leaseHeader);
	return text === null ? null : (JSON.parse(text) as LeaseIdentity);
}

/** The lease may not write. */
export function noUploadSocket(refusal: Refusal): Response {
	return Response.json(refusal, { status: 409 });
}

/** Null: the answer is the runner's socket. */
export async function readNoUploadSocket(response: Response): Promise<Refusal | null> {
	return response.status === 409 ? ((await response.json()) as Refusal) : null;
}
