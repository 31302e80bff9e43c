// How much room the disk of one machine still has, and what may be written with it. The door shuts while there is room, since a
// disk at 0 bytes kills workerd (SQLite maps a file that cannot grow then): what runs must be able to end within the reserve.

/** `short`: no new work. `none`: nothing at all is written on request. */
export type Room = "ample" | "short" | "none";

/** Reserved unless somebody says otherwise: logs of a hundred running jobs come to their end in it. */
export const reserveMibDefault = 64;

export interface DiskRoom {
	freeBytes: number;
	reserveBytes: number;
}

/** Less than this is nothing, whatever is reserved: the smallest database of an object takes a part of it. */
const fullBytes = 1_048_576;

/** Logs and ends of running jobs have three quarters of the reserve. */
export function roomOn({ freeBytes, reserveBytes }: DiskRoom): Room {
	if (freeBytes < Math.max(reserveBytes / 4, fullBytes)) return "none";
	return freeBytes < reserveBytes ? "short" : "ample";
}

/** What a call would write. `life`: a sign of life changes rows and adds none. */
export type Writing = "nothing" | "life" | "running-work" | "new-work";

export function mayWrite(room: Room, writing: Writing): boolean {
	switch (writing) {
		case "nothing":
		case "life":
			return true;
		case "running-work":
			return room !== "none";
		case "new-work":
			return room === "ample";
	}
}
