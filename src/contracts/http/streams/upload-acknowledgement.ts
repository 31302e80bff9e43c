// The answers on an upload socket, which is an alternative to appends over HTTP: the runner sends frames (`wire/sockets/log-frame.ts`),
// the server acknowledges them. Both ways follow the same rules, so a runner may change from one to the other in mid-job.
import { z } from "@hono/zod-openapi";
import { leaseState } from "../runner.ts";

/**
 * The log has `length` bytes for good. Also sent without being asked, when the interval wanted or the lease's state changes;
 * after a gap it goes back to where the log ends.
 */
export const uploadAcknowledgement = z
	.object({
		type: z.literal("ack"),
		length: z.int(),
		intervalSeconds: z.number(),
		lease: leaseState,
	})
	.openapi("FeedAcknowledgement");
export type UploadAcknowledgement = z.infer<typeof uploadAcknowledgement>;
