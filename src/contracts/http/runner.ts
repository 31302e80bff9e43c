// What runners say and hear: registration, acquire, heartbeat, and the grant that carries a job.
import { z } from "@hono/zod-openapi";
import { acquireWaitSecondsMax, runnerCapacityMax } from "../../domain/limits.ts";
import { capacity, labels, shortText, time } from "./fields.ts";
import { job } from "./run.ts";

/** What is wrong with the runner's machine: while it says so it is granted nothing. Absent: it is well. */
export const unwell = z.string().min(1).max(500);
/** All leases that the runner holds: no more than it may have slots. */
const leaseIds = z.array(z.string().max(100)).max(runnerCapacityMax);

export const registerRequest = z
	.strictObject({
		name: z.string().min(1).max(100),
		labels: labels.optional(),
		capacity: capacity.optional(),
		os: shortText.optional(),
		arch: shortText.optional(),
		version: shortText.optional(),
		ephemeral: z.boolean().optional(),
	})
	.openapi("RegisterRequest");
export type RegisterRequest = z.infer<typeof registerRequest>;

export const registered = z
	.object({ id: z.string(), token: z.string(), sessionUrl: z.string(), heartbeatSeconds: z.int() })
	.openapi("Registered");
export type Registered = z.infer<typeof registered>;

export const acquireRequest = z
	.strictObject({
		waitSeconds: z.int().min(0).max(acquireWaitSecondsMax),
		leases: leaseIds.optional(),
		unwell: unwell.optional(),
	})
	.openapi("AcquireRequest");
export type AcquireRequest = z.infer<typeof acquireRequest>;
export const heartbeatRequest = z
	.strictObject({
		leases: leaseIds,
		unwell: unwell.optional(),
		/** It takes nothing new from here on and goes when its leases are over; an acquire takes that back. */
		leaving: z.boolean().optional(),
	})
	.openapi("HeartbeatRequest");
export type HeartbeatRequest = z.infer<typeof heartbeatRequest>;
export const leaseState = z.enum(["ok", "canceling", "lost"]);
export type LeaseState = z.infer<typeof leaseState>;
export const heartbeatReply = z
	.object({
		leases: z.array(z.object({ id: z.string(), state: leaseState, graceSeconds: z.int() })),
		draining: z.boolean(),
	})
	.openapi("HeartbeatReply");
export type HeartbeatReply = z.infer<typeof heartbeatReply>;

export const grantBody = z
	.object({
		lease: z.object({
			id: z.string(),
			token: z.string(),
			epoch: z.int(),
			startBySeconds: z.int(),
			renewSeconds: z.int(),
			stopAfterSeconds: z.int(),
		}),
		job: z.object({
			id: z.string(),
			key: z.string(),
			name: z.string(),
			steps: z.array(z.object({ name: z.string(), run: z.string() })),
			env: z.record(z.string(), z.string()),
			secrets: z.record(z.string(), z.string()),
			timeoutSeconds: z.int(),
			attempt: z.int(),
			exclusive: z.boolean(),
			/** Bytes of log that are kept; what a step prints beyond them is counted and left out. */
			logBytesMax: z.int(),
		}),
		run: z.object({
			id: z.string(),
			number: z.int(),
			source: z.object({ cloneUrl: z.string(), ref: z.string().nullable(), commit: z.string().nullable() }).nullable(),
			title: z.string().nullable(),
		}),
		repository: z.object({ owner: z.string(), repo: z.string() }),
	})
	.openapi("Grant");
export type Grant = z.infer<typeof grantBody>;

/** What is not named stays as it is. */
export const poolPatch = z
	.strictObject({
		/** Nothing is granted; what runs goes on. */
		paused: z.boolean().optional(),
		pauseNote: shortText.nullable().optional(),
		/** As paused, and the pool tells its runners to finish what they hold and go. */
		draining: z.boolean().optional(),
	})
	.openapi("PoolPatch");
export type PoolPatch = z.infer<typeof poolPatch>;

export const runnerPatch = z
	.strictObject({
		/** The pool tells it to finish what it holds and go, and grants it nothing new. */
		draining: z.boolean().optional(),
	})
	.openapi("RunnerPatch");
export type RunnerPatch = z.infer<typeof runnerPatch>;

export const runnerFigures = z
	.object({
		id: z.string(),
		name: z.string(),
		labels: z.array(z.string()),
		/** `unwell`: its machine cannot run jobs, as it says itself or as the last ones showed; it is granted nothing. */
		state: z.enum(["idle", "busy", "draining", "unwell", "offline"]),
		/** What is wrong with an unwell one; else null. */
		reason: z.string().nullable(),
		capacity: z.int(),
		leases: z.int(),
		lastSeenAt: time,
	})
	.openapi("Runner");
export type RunnerFigures = z.infer<typeof runnerFigures>;

export const poolFigures = z
	.object({
		owner: z.string(),
		pool: z.string(),
		paused: z.boolean(),
		pauseNote: z.string().nullable(),
		draining: z.boolean(),
		runners: z.array(runnerFigures),
		waiting: z.int(),
		running: z.int(),
		idle: z.int(),
		busy: z.int(),
		oldestWaitingSeconds: z.number().nullable(),
	})
	.openapi("Pool");
export type PoolFigures = z.infer<typeof poolFigures>;

export const leaseReply = z.object({ job }).openapi("LeaseReply");
export type LeaseReply = z.infer<typeof leaseReply>;
