// Prints operational events: the one place of the Worker that writes to standard error.
import type { OperationalEvent } from "../src/contracts/wire/operational-event.ts";

export function report(event: OperationalEvent): void {
	console.error(JSON.stringify(event));
}
