import { expect, it } from "vitest";
import type { Room, Writing } from "./room.ts";
import { mayWrite, roomOn } from "./room.ts";

const mib = 1_048_576;

it.each([
	{ free: 64, room: "ample" },
	{ free: 63, room: "short" },
	{ free: 16, room: "short" },
	{ free: 15, room: "none" },
	{ free: 0, room: "none" },
])("[X25] of a reserve of 64 MiB, $free MiB free are $room", ({ free, room }) => {
	expect(roomOn({ freeBytes: free * mib, reserveBytes: 64 * mib })).toBe(room);
});

it("[X25] without a reserve there is room down to the last MiB", () => {
	expect(roomOn({ freeBytes: mib, reserveBytes: 0 })).toBe("ample");
	expect(roomOn({ freeBytes: mib - 1, reserveBytes: 0 })).toBe("none");
});

it("[X25] new work stops first, then what runs; reading and signs of life never", () => {
	const allowed = (room: Room) =>
		(["nothing", "life", "running-work", "new-work"] satisfies Writing[]).filter((writing) => mayWrite(room, writing));
	expect(allowed("ample")).toEqual(["nothing", "life", "running-work", "new-work"]);
	expect(allowed("short")).toEqual(["nothing", "life", "running-work"]);
	expect(allowed("none")).toEqual(["nothing", "life"]);
});
