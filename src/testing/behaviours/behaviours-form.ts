// How a behaviour is written down.
import type { QueueDriver } from "../../simulation/queue-driver.ts";

export interface Behaviour {
	/** Begins with the rules that it shows. */
	title: string;
	show(queue: QueueDriver): Promise<void>;
}

export const secondMs = 1_000;
export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
/** What is due so soon is not due yet. More than the nearest an alarm is ever set, so that the next one finds it due. */
export const soonMs = 100;
