// The clock by which contact with the server is measured. Nobody can set it, and it goes on while the machine sleeps, as the
// server's does: `Date` does not have the first of these, and `performance.now()` not the second.
import { uptime } from "node:os";

/** Milliseconds since the machine started; where the system tells whole seconds only, up to one too few. */
export function sinceBootMs(): number {
	return uptime() * 1_000;
}
