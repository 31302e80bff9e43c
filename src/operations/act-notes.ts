// Every privileged act is noted after it was done: who, what, when, from where, why.
import { randomUUID } from "node:crypto";
import type { AuditAction, AuditRecord } from "../contracts/http/audit.ts";
import { timeText } from "../contracts/wire/time-text.ts";
import type { Caller } from "./access.ts";
import { credentialOf } from "./principal.ts";
import type { Ports } from "./ports.ts";

export type NotePorts = Pick<Ports, "writeAudit" | "now" | "later">;

/** An act's details, as JSON: settings fit, and a row stays small whatever was sent. */
const detailsMax = 8_000;

export interface Act {
	action: AuditAction;
	owner: string | null;
	repo?: string;
	subject?: string;
	reason?: string | null | undefined;
	details?: Record<string, unknown>;
}

/** To be called once the act is done. Neither delays nor fails what comes after it. */
export function noteAct(ports: NotePorts, { who, name, address }: Caller, act: Act): void {
	const { action, owner, repo = null, subject = null, reason = null, details = {} } = act;
	const record: AuditRecord = {
		id: nextId(),
		at: timeText(ports.now()),
		...{ action, owner, repo, subject, reason },
		actor: name,
		token: credentialOf(who),
		from: address,
		details: JSON.stringify(details).length > detailsMax ? { tooLong: true } : details,
	};
	ports.later(ports.writeAudit(record));
}

let made = 0;

/** Acts of one millisecond are listed by id: of one isolate, in the order in which they were done. */
function nextId(): string {
	const place = (made++ % 2 ** 32).toString(16).padStart(8, "0");
	return `au${place}${randomUUID().replaceAll("-", "").slice(0, 12)}`;
}

/** By act and who did it, when this isolate last noted it. */
const notedAt = new Map<string, number>();
const notedMax = 2_000;
const notedAgainMs = 3_600_000;

/** As `noteAct`, but once an hour for the same token or session, address and `thing`: for what programs do by the second. */
export function noteActSeldom(ports: NotePorts, caller: Caller, { thing, ...act }: Act & { thing: string }): void {
	const now = ports.now();
	const key = [act.action, act.owner, thing, credentialOf(caller.who), caller.address].join(" ");
	if (now - (notedAt.get(key) ?? Number.NEGATIVE_INFINITY) < notedAgainMs) return;
	if (notedAt.size >= notedMax) notedAt.clear();
	notedAt.set(key, now);
	noteAct(ports, caller, act);
}
