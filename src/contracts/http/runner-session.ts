// The frames of a runner's session, one JSON object per WebSocket message; the text `ping` is answered `pong` by the platform.
import { z } from "@hono/zod-openapi";
import { capacity } from "./fields.ts";
import { unwell } from "./runner.ts";
import type { Grant } from "./runner.ts";

/** Leases in one hello: all that the runner holds. */
const leasesMax = 1_000;

const hello = z.strictObject({
	type: z.literal("hello"),
	/** New with each start of the runner's process: the newest instance wins. */
	instanceId: z.string().min(1).max(100),
	capacity,
	leases: z.array(z.string().max(100)).max(leasesMax),
	unwell: unwell.optional(),
});

/** The runner goes: no grants any more. What it holds it finishes, or names in a later session. */
const bye = z.strictObject({ type: z.literal("bye") });

export const runnerFrame = z.discriminatedUnion("type", [hello, bye]);
export type RunnerFrame = z.infer<typeof runnerFrame>;

export type ServerFrame =
	| { type: "grant"; grant: Grant }
	| { type: "cancel"; lease: string; graceSeconds: number }
	| { type: "lost"; lease: string }
	| { type: "drain" };
