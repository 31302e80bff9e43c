// What the HTTP door must be given beside the operations' ports: sockets, the operator's token, readiness. `workers/wire.ts` builds
// it from bindings; nothing here knows Cloudflare.
import type { OperationalEvent } from "../../contracts/wire/operational-event.ts";
import type { Page } from "../../contracts/http/page.ts";
import type { Room } from "../../domain/room.ts";
import type { Network } from "../../domain/text/client-address.ts";
import type { Ports, SocketPorts } from "../../operations/ports.ts";
import type { CallRates } from "../../operations/overload/call-rates.ts";
import type { CallGate } from "../../operations/overload/call-gate.ts";
import type { ReadinessAnswer } from "./readiness.ts";
import type { Issuers } from "../../auth/issuers/issuers.ts";
import type { Keys } from "../../auth/token.ts";

/** What the read model gives in pages. */
export type PagedList = "repositories" | "runs" | "pools" | "tokens" | "audit";

/** A WebSocket that the Worker itself ends. */
export interface LiveSocket {
	/** Resolves when more may be sent; a socket that is gone takes nothing and says nothing. */
	send(text: string): Promise<void>;
	close(code: number, reason: string): void;
	/** Aborted when the other side is gone. */
	gone: AbortSignal;
}

export interface Services extends Ports, SocketPorts<Response> {
	report(event: OperationalEvent): void;
	/** Takes the request's WebSocket: what to answer with, and what to send on. */
	acceptSocket(): { response: Response; socket: LiveSocket };
	keys: Keys;
	operatorToken: string;
	/** Proxies in front that are believed about who called; none at the edge, which knows it. */
	trustedProxies: readonly Network[];
	/** Of pages that may call beside this server's own, as a browser writes them in `Origin`. */
	allowedOrigins: readonly string[];
	/** Whom people may sign in through; kept by the isolate, with what it knows of each. */
	issuers: Issuers;
	/** Of this isolate: where calls wait for their turn, and where those that were shed wait for theirs to be spilled. */
	gates: { calls: CallGate; spills: CallGate };
	/** A file of the page, as its path names it; 404 where it has none. */
	pageFile(request: Request): Promise<Response>;
	/** The last good page of a list of the read model, by the same question; null: there was none. */
	knownPage(list: PagedList, call: { owner: string | null }): Page<unknown> | null;
	/** Of this isolate, or of the platform: how many calls came of late, and of whom. */
	callRates: CallRates;
	/** `isForOperator`: with the names of objects that are in trouble. */
	readiness(call: { isForOperator: boolean }): Promise<ReadinessAnswer>;
	/** Of the one machine's disk, at most a second old unless it must be fresh; `ample` where there is none to fill. */
	diskRoom(call?: { isFresh: boolean }): Promise<Room>;
}
