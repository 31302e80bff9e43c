// The machine under the Worker, where there is one: `npm start` binds MACHINE to a function of its own process, which says how
// much of the disk is free. On Cloudflare nothing is bound, and there is always room.
import type { DiskRoom, Room } from "../../src/domain/room.ts";
import { roomOn } from "../../src/domain/room.ts";
import { report } from "../report.ts";

/** Within a second a fast disk takes some hundred MiB at most, and a log's upload sockets far less: the reserve is not passed unseen. */
const askedAgainMs = 1_000;
/** The process that answers supervises and does little else. One that does not answer shuts nobody out. */
const answerMs = 1_000;

const known: { room: Room; at: number } = { room: "ample", at: 0 };

export interface MachineEnv {
	MACHINE?: Fetcher;
}

/** `isFresh`: as it is now, and not as it was within the last second. */
export async function diskRoom({ MACHINE }: MachineEnv, { isFresh = false } = {}): Promise<Room> {
	if (MACHINE === undefined) return "ample";
	const now = Date.now();
	if (!isFresh && now - known.at < askedAgainMs) return known.room;
	known.at = now;
	const disk = await ask(MACHINE);
	const room = disk === null ? "ample" : roomOn(disk);
	// Once for each change: a disk stays full for longer than a second.
	if (room !== known.room) report({ event: "disk-room", room, ...disk });
	known.room = room;
	return room;
}

/**
 * As it was known last, without waiting: what is a second old or older is asked again in the background. For the frames of a log,
 * which come past the API's door: one that waited for the machine would let the frames behind it pass, and they would be gaps.
 */
export function knownRoom(env: MachineEnv, later: (work: Promise<unknown>) => void): Room {
	if (env.MACHINE === undefined) return "ample";
	if (Date.now() - known.at >= askedAgainMs) later(diskRoom(env));
	return known.room;
}

async function ask(machine: Fetcher): Promise<DiskRoom | null> {
	try {
		const answer = await machine.fetch("http://machine/disk", { signal: AbortSignal.timeout(answerMs) });
		return await answer.json<DiskRoom>();
	} catch (cause) {
		report({ event: "machine-silent", cause: String(cause) });
		return null;
	}
}
