// A session is opened: its record goes to the object that holds it, and the cookie carries a token that verifies itself.
import { createHash, randomUUID } from "node:crypto";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Holder } from "../../contracts/objects/person.ts";
import type { SessionPayload } from "../../contracts/objects/token-payload.ts";
import type { Millis } from "../../domain/ids.ts";
import { sessionMs } from "../../domain/limits.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import type { Ports } from "../ports.ts";
import { principalOf } from "../principal.ts";
import type { SessionName } from "../principal.ts";

export interface SessionBegun {
	/** The cookie's value. */
	cookie: string;
	expiresAt: Millis;
}

export type SessionPorts = Pick<Ports, "person" | "signToken"> & NotePorts;

/** The name of the object that holds a token's sessions; no person's id and no invitation's name begins with a slash. */
export function tokenHolder(token: string): string {
	return `/token/${token}`;
}

/**
 * The operator's. It follows from the operator's token, so that the sessions of one that was replaced are nobody's; four bytes of
 * a digest tell two tokens apart, and tell nothing of either.
 */
export function operatorHolder(operatorToken: string): string {
	return `/operator/${createHash("sha256").update(`session ${operatorToken}`).digest("hex").slice(0, 8)}`;
}

/** One that nobody has opened yet. `until`: when what it rests on ends; null: never. */
export function newSession(holder: string, { now, until }: { now: Millis; until: Millis | null }): SessionName {
	const id = `se${randomUUID().replaceAll("-", "").slice(0, 20)}`;
	return { holder, session: id, expiresAt: Math.min(now + sessionMs, until ?? Number.POSITIVE_INFINITY) };
}

/** `name` is for records of who did what. */
export async function beginSession(
	ports: SessionPorts,
	session: SessionName,
	{ holder, name, address }: { holder: Holder; name: string; address: string | null },
): Promise<SessionBegun> {
	const { session: id, expiresAt } = session;
	const now = ports.now();
	const held = { id, openedAt: now, usedAt: now, expiresAt, from: address };
	await ports.person(session.holder).openSession({ session: held, holder });
	const access = holder.kind === "token" ? holder.access : null;
	const token = access && { owner: access.owner, token: access.id };
	const payload: SessionPayload = { id, holder: session.holder, name, expiresAt, token };
	const who = principalOf(session, { holder, memberships: [] });
	const details = { kind: holder.kind, expiresAt: timeText(expiresAt) };
	noteAct(ports, { who, name, address }, { action: "session-open", owner: token?.owner ?? null, subject: id, details });
	return { cookie: ports.signToken("session", payload), expiresAt };
}
