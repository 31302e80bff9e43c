// Tokens and tickets: made, listed, revoked. A token verifies itself, so making one needs no store to be reachable later.
import { randomUUID } from "node:crypto";
import { timeText } from "../contracts/wire/time-text.ts";
import { tokenEnd } from "../contracts/objects/owner.ts";
import type { TokenMade, TokenRecord, TokenRequest } from "../contracts/http/token.ts";
import type { AccessPayload } from "../contracts/objects/token-payload.ts";
import type { Millis } from "../domain/ids.ts";
import { accept, refuse } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAsk, mayAskOfOwner, mayAskSomewhere } from "./access.ts";
import type { Caller } from "./access.ts";
import { accessOf, rightsAt } from "./principal.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import { keyedId } from "./keyed-id.ts";
import type { KeyedId } from "./keyed-id.ts";
import { ownFirst } from "./owned-things.ts";
import type { Page } from "../contracts/http/page.ts";
import type { Deleted, Ports } from "./ports.ts";

/** How long a token lives of which nothing else was said: long enough to forget, short enough that what was ended is forgotten too. */
const tokenDefaultMs = 365 * 24 * 60 * 60 * 1_000;
const tokenIdPattern = /^tk[0-9a-f]{20,24}$/;
/** From asking for a ticket to the socket's opening is a second; a browser that must wait asks again. */
const ticketMs = 60_000;

type TokenPorts = Pick<Ports, "readModel" | "owner" | "signToken"> & NotePorts;

/** `replayed`: the token that the key made before, signed anew, is the same. */
export async function createToken(
	ports: TokenPorts,
	caller: Caller,
	{ request, key }: { request: TokenRequest; key: string | null },
): Promise<Result<{ made: TokenMade; replayed: boolean }>> {
	const { owner, name } = request;
	const may = mayAskOfOwner(caller, "createToken", owner);
	if (!may.ok) return may;
	const now = ports.now();
	const expiresAt = request.expiresAt === undefined ? defaultExpiry(caller, now) : Date.parse(request.expiresAt);
	const scopes = [...new Set(request.scopes)];
	const repos = request.repos ?? null;
	const mayGive = withinReach(caller, { owner, scopes, repos, expiresAt });
	if (!mayGive.ok) return mayGive;
	const keyed = key === null ? null : keyedId("tk", { scope: owner, key, body: request });
	const before = keyed && (await ports.readModel.keyedToken(keyed.prefix));
	if (before) return replay(ports, caller, { before, id: keyed.id });
	if (expiresAt <= now) return refuse({ code: "expiry-past" });
	const record: TokenRecord = {
		id: keyed?.id ?? `tk${randomUUID().replaceAll("-", "").slice(0, 20)}`,
		owner,
		name,
		scopes,
		repos,
		pools: request.pools ? [...new Set(request.pools)] : null,
		uses: request.uses ?? null,
		createdAt: timeText(now),
		createdBy: caller.name,
		expiresAt: timeText(expiresAt),
		revokedAt: null,
	};
	return store(ports, caller, record, keyed);
}

async function store(
	ports: TokenPorts,
	caller: Caller,
	record: TokenRecord,
	keyed: KeyedId | null,
): Promise<Result<{ made: TokenMade; replayed: boolean }>> {
	const { id, owner, name, scopes, repos, pools, uses, expiresAt } = record;
	// So that its owner's object is there before anything else is down.
	const ended = ports.owner(owner).ended([]);
	ports.later(ended.catch(() => undefined));
	const admitted = await ownFirst(ports, owner, { kind: "token", name: id, token: record });
	if (!admitted.ok) return admitted;
	if (!(await ports.readModel.addToken(record, keyed?.prefix ?? null))) {
		const first = await ports.readModel.keyedToken(keyed?.prefix ?? "");
		return replay(ports, caller, { before: first ?? record, id });
	}
	const bounds = { ...(pools ? { pools } : {}), ...(uses === null ? {} : { uses }) };
	const details = { name, scopes, repos, ...bounds, expiresAt };
	noteAct(ports, caller, { action: "token-create", owner, subject: id, details });
	return accept({ made: signed(ports, record), replayed: false });
}

/** [A19] The key's token, unless the key was used with another body. [A126] Another caller may have made it, with more reach. */
function replay(
	ports: Pick<Ports, "signToken">,
	caller: Caller,
	{ before, id }: { before: TokenRecord; id: string },
): Result<{ made: TokenMade; replayed: boolean }> {
	if (before.id !== id) return refuse({ code: "idempotency-key-reused" });
	const { expiresAt } = before;
	const until = expiresAt === null ? Number.POSITIVE_INFINITY : Date.parse(expiresAt);
	const mayHave = withinReach(caller, { ...before, expiresAt: until });
	if (!mayHave.ok) return mayHave;
	return accept({ made: signed(ports, before), replayed: true });
}

function signed(ports: Pick<Ports, "signToken">, record: TokenRecord): TokenMade {
	const { id, owner, name, scopes, repos, pools, uses, expiresAt } = record;
	const until = expiresAt === null ? null : Date.parse(expiresAt);
	const bounds = { ...(pools ? { pools } : {}), ...(uses === null ? {} : { uses }) };
	return {
		...record,
		token: ports.signToken("access", { id, owner, name, scopes, repos, ...bounds, expiresAt: until }),
	};
}

/** [A44] A year, and no more than the token that makes it has left. */
function defaultExpiry({ who }: Caller, now: Millis): Millis {
	return Math.min(now + tokenDefaultMs, accessOf(who)?.expiresAt ?? Number.POSITIVE_INFINITY);
}

/** [A12] Refused where the new token would do more, reach more repositories or live longer than what makes it. */
function withinReach(
	{ who }: Caller,
	made: Pick<AccessPayload, "owner" | "scopes" | "repos"> & { expiresAt: Millis },
): Result<null> {
	const rights = rightsAt(who, made.owner);
	if (rights === null) return refuse({ code: "unknown" });
	const { scopes, repos } = rights;
	const scope = made.scopes.find((wanted) => !scopes.includes(wanted));
	if (scope !== undefined) return refuse({ code: "scope-missing", scope, act: "give" });
	if (repos !== null && !(made.repos ?? [""]).every((repo) => repos.includes(repo))) {
		return refuse({ code: "repositories-limited", act: "give" });
	}
	const expiresAt = accessOf(who)?.expiresAt ?? null;
	if (expiresAt !== null && made.expiresAt > expiresAt) return refuse({ code: "expiry-limited" });
	return accept(null);
}

export async function listTokens(
	ports: Pick<Ports, "readModel">,
	caller: Caller,
	call: { owner: string; limit: number; cursor: string | null },
): Promise<Result<Page<TokenRecord>>> {
	const may = mayAskOfOwner(caller, "listTokens", call.owner);
	return may.ok ? accept(await ports.readModel.tokens(call)) : may;
}

/**
 * `owner` null: whose it is, the list of tokens says. With its owner said it ends where the truth is, whether or not the list is
 * there and knows it. Whose it is must be known before it is known who may: here alone something is read before.
 */
export async function revokeToken(
	ports: Pick<Ports, "readModel" | "owner" | "ends"> & NotePorts,
	caller: Caller,
	{ id, owner: said }: { id: string; owner: string | null },
): Promise<Result<Deleted>> {
	const maySome = said === null ? mayAskSomewhere(caller, "revokeToken") : mayAskOfOwner(caller, "revokeToken", said);
	if (!maySome.ok) return maySome;
	if (!tokenIdPattern.test(id)) return refuse({ code: "unknown" });
	const asked = ports.readModel.token(id);
	const found = await (said === null ? asked : asked.catch(() => null));
	// [A125] To a caller who may not know whose it is, it is as if it were not there.
	const record = found && mayAskOfOwner(caller, "revokeToken", found.owner).ok ? found : null;
	const owner = record?.owner ?? said;
	if (owner === null || owner !== (said ?? owner)) return refuse({ code: "unknown" });
	const now = ports.now();
	await ports.owner(owner).endToken(record ? tokenEnd(record, now) : { id, at: now, until: null });
	ports.ends.note({ owner, token: id });
	// The owner's object repeats the end until the read model has it: a list that is away does not undo what has happened.
	await ports.readModel.revokeToken(id, now).catch(() => undefined);
	const details = { name: record?.name ?? null };
	const isNews = (record?.revokedAt ?? null) === null;
	if (isNews) noteAct(ports, caller, { action: "token-revoke", owner, subject: id, details });
	return accept({ wasThere: isNews });
}

/** For one stream, within a minute, where its maker may read; the door that it is brought to sees that it is used once. */
export function createTicket(
	ports: Pick<Ports, "signToken" | "now">,
	caller: Caller,
): Result<{ ticket: string; until: Millis }> {
	const may = mayAsk(caller, "createTicket");
	if (!may.ok) return may;
	// [A127] What a ticket opens would outlive the session.
	if (caller.who.session !== undefined) return refuse({ code: "token-only" });
	const until = ports.now() + ticketMs;
	return accept({
		ticket: ports.signToken("ticket", { id: randomUUID(), until, access: accessOf(caller.who) }),
		until,
	});
}
