// The clock of objects, moved by hand: they see another time, and nobody waits. A file that uses it goes back with
// `vi.useRealTimers()` after each test.
import { vi } from "vitest";

export function moveClock(ms: number): void {
	vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });
}
