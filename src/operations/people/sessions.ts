// Who the caller is, and the sessions of the same: a person's, or those that one token opened.
import type { ShownCaller, ShownSession } from "../../contracts/http/session.ts";
import { timeText } from "../../contracts/wire/time-text.ts";
import type { Scope } from "../../contracts/http/token.ts";
import { accept } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { roles } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { mayAsk } from "../access.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import type { Deleted, Ports } from "../ports.ts";
import { scopesOfRole } from "../principal.ts";
import type { Principal } from "../principal.ts";

export function getSession(caller: Caller): Result<ShownCaller> {
	const may = mayAsk(caller, "getSession");
	if (!may.ok) return may;
	const { who, name } = caller;
	const until = who.session?.expiresAt ?? (who.kind === "token" ? who.access.expiresAt : null);
	return accept({
		name,
		kind: who.kind === "session" ? "person" : who.kind,
		person: who.kind === "session" ? who.person : null,
		owners: ownersShown(who),
		expiresAt: until === null ? null : timeText(until),
	});
}

/** The operator's are all, and so none is named. */
function ownersShown(who: Principal): ShownCaller["owners"] {
	switch (who.kind) {
		case "operator":
			return [];
		case "token": {
			const role = roleLike(who.access.scopes);
			return role === null ? [] : [{ owner: who.access.owner, role }];
		}
		case "session":
			return [...who.memberships].map(([owner, { role }]) => ({ owner, role }));
	}
}

/** The highest role of which a token has all scopes; null: it cannot even read. What it may in fact, its scopes say. */
function roleLike(scopes: readonly Scope[]): Role | null {
	return roles.findLast((role) => scopesOfRole[role].every((scope) => scopes.includes(scope))) ?? null;
}

/** `holder`: the object that has the caller's sessions. */
export async function listSessions(
	ports: Pick<Ports, "person">,
	caller: Caller,
	holder: string,
): Promise<Result<ShownSession[]>> {
	const may = mayAsk(caller, "listSessions");
	if (!may.ok) return may;
	const current = caller.who.session?.session;
	const held = await ports.person(holder).sessions();
	return accept(
		held.map(({ id, openedAt, usedAt, expiresAt, from }) => ({
			id,
			openedAt: timeText(openedAt),
			usedAt: timeText(usedAt),
			expiresAt: timeText(expiresAt),
			from,
			isCurrent: id === current,
		})),
	);
}

export async function endSession(
	ports: Pick<Ports, "person" | "sessions"> & NotePorts,
	caller: Caller,
	{ holder, id }: { holder: string; id: string },
): Promise<Result<Deleted>> {
	const may = mayAsk(caller, "endSession");
	if (!may.ok) return may;
	const wasThere = await ports.person(holder).endSession(id);
	ports.sessions.note({ holder, session: id, expiresAt: 0 });
	const owner = caller.who.kind === "token" ? caller.who.access.owner : null;
	if (wasThere) noteAct(ports, caller, { action: "session-end", owner, subject: id });
	return accept({ wasThere });
}
