// A person is an issuer's subject: the id follows from both, so nobody must be looked up, and a login or an address that changes
// hands changes no person.
import { createHash } from "node:crypto";
import { runIdFrom } from "../../domain/ids.ts";

export function personIdOf({ issuer, subject }: { issuer: string; subject: string }): string {
	const digest = createHash("sha256")
		.update(JSON.stringify([issuer, subject]))
		.digest();
	return `pe${runIdFrom(digest).slice(1)}`;
}
