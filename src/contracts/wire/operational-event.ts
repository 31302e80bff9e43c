// Every operational event that the server may print: one line of JSON on standard error each. The table in
// docs/operations.md is checked against this list; alerts and metrics are to be made from it.
import type { CallClass } from "../../domain/overload/call-line.ts";
import type { DiskRoom, Room } from "../../domain/room.ts";
import type { AuditRecord } from "../http/audit.ts";

/** `cause` is an error's text, for people. */
export type OperationalEvent =
	/** An assertion or an unknown error. The caller got 500. */
	| { event: "fault"; requestId: string; trace: string | null; cause: string }
	/** A far end did not answer in time. The caller got 503. */
	| { event: "outage"; requestId: string; trace: string | null; cause: string }
	| { event: "tell-failed"; cause: string }
	| { event: "change-set-aside"; repository: string; run: string | null }
	| { event: "delivery-unsent"; pool: string; cause: string }
	| { event: "claim-failed"; repository: string; cause: string }
	| { event: "serve-failed"; cause: string }
	| { event: "grants-lapsed"; pool: string | undefined; leases: string[] }
	| { event: "expire-failed"; cause: string }
	| { event: "seal-failed"; log: string | undefined; tries: number; cause: string }
	| { event: "archive-failed"; cause: string }
	| { event: "log-not-deleted"; cause: string }
	| { event: "sweep-failed"; cause: string }
	| { event: "message-failed"; cause: string }
	| { event: "confirm-failed"; cause: string }
	| { event: "feed-failed"; cause: string }
	| { event: "feed-look-failed"; feed: string | undefined; cause: string }
	| { event: "feed-untold"; run: string; cause: string }
	| { event: "message-unreadable"; queue: string; id: string }
	| { event: "dead-letter"; queue: string; id: string; about: string | null }
	| { event: "dead-letter-unkept"; queue: string; id: string; cause: string }
	| { event: "intake-unreadable"; key: string }
	| { event: "intake-newer"; repository: string; records: number }
	| { event: "bell-unrung"; repository: string; cause: string }
	| { event: "drain-failed"; repository: string; cause: string }
	| { event: "behind-unsaid"; repository: string; cause: string }
	| { event: "demand-unconfirmed"; repository: string; cause: string }
	| { event: "audit-unwritten"; record: AuditRecord; cause: string }
	| { event: "ends-unknown"; owner: string | undefined; cause: string }
	| { event: "membership-untold"; owner: string; cause: string }
	| { event: "ends-untold"; owner: string | undefined; cause: string }
	/** `calls`: how many were shed until then. */
	| { event: "shedding"; line: "calls" | "spills"; class: CallClass; state: "began" | "ended"; calls: number }
	/** What an operator wrote of issuers and is no use; the others work. Once in an isolate. */
	| { event: "issuers-misconfigured"; faults: string[] }
	/** What an issuer said of somebody does not hold, or it does not know this installation. `why` has no value of a token. */
	| { event: "sign-in-refused"; requestId: string; issuer: string; code: string; why: string | null }
	| { event: "dependency-down"; dependency: string; cause: string }
	/** `name` is the object's; null: there is only one of it. */
	| { event: "breaker-opened"; dependency: string; name: string | null; cause: string }
	| { event: "breaker-closed"; dependency: string; name: string | null; openMs: number }
	| ({ event: "disk-room"; room: Room } & Partial<DiskRoom>)
	| { event: "machine-silent"; cause: string };

/** What one of them asks of whoever is on call: nothing when it mends itself, to look into it in working hours, or at once. */
export type Severity = "none" | "ticket" | "page";

/** An event that is missing here does not compile. */
export const severities: Record<OperationalEvent["event"], Severity> = {
	fault: "ticket",
	outage: "none",
	"tell-failed": "none",
	"change-set-aside": "ticket",
	"delivery-unsent": "none",
	"demand-unconfirmed": "none",
	"dead-letter-unkept": "ticket",
	"intake-unreadable": "ticket",
	"intake-newer": "ticket",
	"bell-unrung": "none",
	"drain-failed": "ticket",
	"behind-unsaid": "none",
	"claim-failed": "none",
	"serve-failed": "none",
	"grants-lapsed": "none",
	"expire-failed": "none",
	"seal-failed": "none",
	"archive-failed": "none",
	"log-not-deleted": "none",
	"sweep-failed": "none",
	"message-failed": "none",
	"confirm-failed": "none",
	"feed-failed": "none",
	"feed-look-failed": "none",
	"feed-untold": "none",
	"message-unreadable": "ticket",
	"dead-letter": "ticket",
	"disk-room": "page",
	"machine-silent": "ticket",
	"audit-unwritten": "ticket",
	"ends-unknown": "ticket",
	"ends-untold": "none",
	"membership-untold": "none",
	shedding: "ticket",
	"issuers-misconfigured": "ticket",
	"sign-in-refused": "ticket",
	"dependency-down": "page",
	"breaker-opened": "ticket",
	"breaker-closed": "none",
};
