// Messages that were given up: kept, so that a person may look at them, send them again or drop them.
import type { Millis } from "../../domain/ids.ts";

export const queueNames = ["deliveries", "events"] as const;
export type QueueName = (typeof queueNames)[number];

/** Tries in all: one more than `max_retries` in wrangler.toml, which a test holds to this. */
export const triesMax: Readonly<Record<QueueName, number>> = { deliveries: 11, events: 21 };

export interface KeptDeadLetter {
	/** Of its time and the message: the same message makes the same id. */
	id: string;
	queue: QueueName;
	/** When the message was sent. */
	at: Millis;
	tries: number;
	reason: string;
	body: unknown;
}

/** Throws an `Outage` when the store, or the queue, does not answer. */
export interface DeadLetters {
	/** Kept twice, it is kept once. */
	keep(letter: Omit<KeptDeadLetter, "id"> & { message: string }): Promise<void>;
	/** Newest first, from after `cursor` on; the next cursor, or null. */
	list(call: { limit: number; cursor: string | null }): Promise<{ items: KeptDeadLetter[]; next: string | null }>;
	get(id: string): Promise<KeptDeadLetter | null>;
	remove(id: string): Promise<void>;
	/** Sends the body to the queue that gave it up. */
	send(letter: KeptDeadLetter): Promise<void>;
}
