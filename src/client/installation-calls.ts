// What the operator of an installation turns and looks through.
import type { DeadLetter, Redriven } from "../contracts/http/dead-letter.ts";
import type { QueueName } from "../contracts/objects/dead-letters.ts";
import type { Switches } from "../contracts/http/switches.ts";
import type { Shape } from "./answer-shape.ts";
import type { Transport } from "./transport.ts";
import { urlPath } from "./transport.ts";
import { get, list, remove } from "./resource-calls.ts";
import type { PageOptions } from "./resource-calls.ts";

const switchesShape: Shape<Switches> = { acceptRuns: "flag", dispatch: "flag" };

export function switchCalls(transport: Transport) {
	return {
		get: () => get<Switches>(transport, "/v1/switches", switchesShape),
		patch: (patch: Partial<Switches>) =>
			transport.json<Switches>({ method: "PATCH", path: "/v1/switches", json: patch, idempotent: true }, switchesShape),
	};
}

export function deadLetterCalls(transport: Transport) {
	const path = (...rest: string[]) => urlPath("v1", "dead-letters", ...rest);
	return {
		list: (page: PageOptions = {}) => list<DeadLetter>(transport, path(), { ...page }),
		// Sent twice, a message does once what it tells; only the second call may find it gone.
		// So an answer that was lost is not asked for again: to its caller "gone" would look like a failure.
		redrive: (id: string) =>
			transport.json<DeadLetter>({ method: "POST", path: path(id, "redrive"), idempotent: false }, { queue: "text" }),
		redriveAll: (queue?: QueueName) =>
			transport.json<Redriven>(
				{
					method: "POST",
					path: path("redrive"),
					json: queue ? { queue } : {},
					idempotent: true,
				},
				{ redriven: "number", more: "flag" },
			),
		drop: (id: string) => remove(transport, path(id)),
	};
}
