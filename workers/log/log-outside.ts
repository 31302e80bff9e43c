// What a log's engine calls on this platform: objects over RPC, the archive in R2, the machine's disk.
import type { LogName } from "../../src/contracts/wire/object-name.ts";
import { leaseIdFrom } from "../../src/domain/ids.ts";
import type { LogOutside } from "../../src/engine/log/log-ports.ts";
import type { Env } from "../env.ts";
import { knownRoom } from "../bindings/machine.ts";
import { ownerCalls, personCalls, poolCalls, repoCalls } from "../bindings/stubs.ts";
import { switchesNow } from "../switches/switches.ts";
import { headLog, putLog } from "./archive.ts";

/** `env` is asked for at each call: a test may put another bucket before the object's own. */
export function logOutside({
	env,
	name,
	later,
}: {
	env: () => Env;
	name: LogName;
	later: (work: Promise<unknown>) => void;
}): LogOutside {
	return {
		repo: () => repoCalls(env(), name),
		mayArchive: () => switchesNow(env()).archive,
		archive: {
			head: (of) => headLog(env().ARCHIVE, of),
			put: (of, log) => putLog(env().ARCHIVE, of, log),
		},
		renew: (lease) => poolCalls(env(), lease).renew(leaseIdFrom(lease.job, lease.epoch)),
		endedTokens: (ids) => ownerCalls(env(), name.owner).ended(ids),
		sessionStanding: (holder, sessions) => personCalls(env(), holder).standing(sessions),
		hasRoom: () => knownRoom(env(), later) !== "none",
		later,
	};
}
