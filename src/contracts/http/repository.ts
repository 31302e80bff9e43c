// A repository's settings as people write and read them.
import { z } from "@hono/zod-openapi";
import { poolWeightMax } from "../../domain/limits.ts";
import {
	cloneUrl,
	jobKey,
	mapOf,
	poolName,
	queueTimeoutSeconds,
	refName,
	shortText,
	slug,
	timeoutSeconds,
} from "./fields.ts";
import { retryRequest } from "./run.ts";

const limit = z.int().min(0).max(100_000);

const jobDefaults = z.strictObject({
	pool: poolName.optional(),
	timeoutSeconds: timeoutSeconds.optional(),
	queueTimeoutSeconds: queueTimeoutSeconds.optional(),
	retry: retryRequest.optional(),
});

/** All fields may be absent: PUT takes the defaults for them, PATCH leaves them as they are. */
export const repositoryRequest = z
	.strictObject({
		cloneUrl: cloneUrl.nullable().optional(),
		defaultRef: refName.nullable().optional(),
		maxRunning: limit.optional(),
		paused: z.boolean().optional(),
		pauseNote: shortText.nullable().optional(),
		defaults: jobDefaults.optional(),
		concurrencyGroups: mapOf(jobKey, z.strictObject({ limit })).optional(),
		retryBudget: z.strictObject({ perHour: limit.optional(), ratio: z.number().min(0).max(10).optional() }).optional(),
		fairness: z
			.strictObject({
				by: z.enum(["ref", "actor"]).optional(),
				perRunningSeconds: z.number().min(0).max(86_400).optional(),
				weights: mapOf(z.string().min(1).max(500), z.number().min(0.01).max(1_000)).optional(),
			})
			.optional(),
		poolWeight: z.int().min(1).max(poolWeightMax).optional(),
		draining: z.boolean().optional(),
		retentionDays: z.int().min(1).max(3_650).optional(),
		logBytesMax: z.int().min(1_024).max(1_073_741_824).optional(),
		locationHint: z.enum(["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"]).nullable().optional(),
	})
	.openapi("RepositoryRequest");
export type RepositoryRequest = z.infer<typeof repositoryRequest>;

export const repository = z
	.object({
		owner: slug,
		repo: slug,
		cloneUrl: z.string().nullable(),
		defaultRef: z.string().nullable(),
		maxRunning: z.int(),
		paused: z.boolean(),
		pauseNote: z.string().nullable(),
		defaults: z.object({
			pool: z.string(),
			timeoutSeconds: z.int(),
			queueTimeoutSeconds: z.int(),
			retry: retryRequest,
		}),
		concurrencyGroups: z.record(z.string(), z.object({ limit: z.int() })),
		retryBudget: z.object({ perHour: z.int(), ratio: z.number() }),
		fairness: z.object({
			by: z.enum(["ref", "actor"]),
			perRunningSeconds: z.number(),
			weights: z.record(z.string(), z.number()),
		}),
		poolWeight: z.int(),
		draining: z.boolean(),
		retentionDays: z.int(),
		logBytesMax: z.int(),
		locationHint: z.string().nullable(),
	})
	.openapi("Repository");
export type Repository = z.infer<typeof repository>;

export const queueFigures = z
	.object({
		paused: z.boolean(),
		pauseNote: z.string().nullable(),
		blocked: z.int(),
		waiting: z.int(),
		leased: z.int(),
		running: z.int(),
		canceling: z.int(),
		oldestWaitingSeconds: z.number().nullable(),
		waitSecondsP50: z.number().nullable(),
		waitSecondsP99: z.number().nullable(),
		/** How far the lists of its runs are behind: the age of the oldest change that they do not show. Null: not known yet. */
		projectionLagSeconds: z.number().nullable(),
		limits: z.object({ maxRunning: z.int(), concurrencyGroups: z.record(z.string(), z.object({ limit: z.int() })) }),
	})
	.openapi("QueueFigures");
export type QueueFigures = z.infer<typeof queueFigures>;

/** The rebuild of what lists show, a slice a call. */
export const rebuildRequest = z
	.strictObject({
		/** `nextCursor` of the slice before; none: from the beginning. */
		cursor: z.string().max(500).optional(),
	})
	.openapi("RebuildRequest");

export const rebuilt = z
	.object({
		owner: z.string(),
		/** Null: the slice was of the owner's pools and tokens. */
		repo: z.string().nullable(),
		right: z.int(),
		written: z.int(),
		removed: z.int(),
		nextCursor: z.string().nullable(),
	})
	.openapi("Rebuilt");
export type RebuildAnswer = z.infer<typeof rebuilt>;
