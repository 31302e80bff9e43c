// Dead letters in R2, one object each. Their names sort the newest first, since a listing goes by name alone.
import type { KeptDeadLetter, DeadLetters, QueueName } from "../../src/contracts/objects/dead-letters.ts";
import type { Bucket, Sender } from "../bindings/breakers.ts";
import { stored } from "../bindings/stored.ts";

const prefix = "dead-letters/";
/** Past it no time in milliseconds has more digits. */
const latest = 9_999_999_999_999;

export interface DeadLetterStores {
	ARCHIVE: Bucket;
	DELIVERIES: Sender<never>;
	EVENTS: Sender<never>;
}

export function deadLettersOf(env: DeadLetterStores): DeadLetters {
	const { ARCHIVE: bucket } = env;
	const queues: Record<QueueName, Sender<never>> = { deliveries: env.DELIVERIES, events: env.EVENTS };
	const get = async (id: string): Promise<KeptDeadLetter | null> =>
		(await (await stored(bucket.get(prefix + id)))?.json<KeptDeadLetter>()) ?? null;
	return {
		keep: async ({ message, ...letter }) => {
			const id = `dl${latest - letter.at}${message.replaceAll(/[^0-9a-zA-Z]/g, "").toLowerCase()}`;
			await stored(
				bucket.put(prefix + id, JSON.stringify({ id, ...letter } satisfies KeptDeadLetter), {
					onlyIf: { etagDoesNotMatch: "*" },
					httpMetadata: { contentType: "application/json" },
				}),
			);
		},
		list: async ({ limit, cursor }) => {
			const startAfter = cursor === null ? {} : { startAfter: prefix + cursor };
			const page = await stored(bucket.list({ prefix, limit, ...startAfter }));
			const ids = page.objects.map(({ key }) => key.slice(prefix.length));
			const read = await Promise.all(ids.map(get));
			// What is dropped at this very moment is passed over.
			return { items: read.filter((letter) => letter !== null), next: page.truncated ? (ids.at(-1) ?? null) : null };
		},
		get,
		remove: async (id) => {
			await stored(bucket.delete(prefix + id));
		},
		send: async ({ queue, body }) => {
			await stored(queues[queue].send(body as never));
		},
	};
}
