// The limits of an owner or a repository, and what is used of each. What each is for: `domain/limit/limit-table.ts`.
import { z } from "@hono/zod-openapi";
import { limitNames, limitRow } from "../../domain/limit/limit-table.ts";
import type { LimitName } from "../../domain/limit/limit-table.ts";
import { time } from "./fields.ts";

export const limitUse = z
	.object({
		name: z.enum(limitNames as [LimitName, ...LimitName[]]),
		unit: z.string(),
		limit: z.int(),
		/** Null: it is counted for each token, log or run by itself. */
		used: z.int().nullable(),
		/** Of a rate: when all of it is back. Null: it is, or only what goes makes room. */
		resetsAt: time.nullable(),
	})
	.openapi("LimitUse");
export type LimitUse = z.infer<typeof limitUse>;

export const limitUses = z.object({ items: z.array(limitUse) }).openapi("LimitUses");
export type LimitUses = z.infer<typeof limitUses>;

/** Each that may be set for it; null, or absent in a PUT: back to what holds for everybody. */
function requestFor(of: "repository" | "owner") {
	const names = limitNames.filter((name) => limitRow(name).settable?.for === of);
	const field = (name: LimitName) => {
		const { unit, fallback, settable } = limitRow(name);
		const description = `The most that there may be, in ${unit}; null: ${fallback}.`;
		return z
			.int()
			.min(0)
			.max(settable?.max ?? 0)
			.nullable()
			.optional()
			.openapi({ description });
	};
	return z.strictObject(
		Object.fromEntries(names.map((name) => [name, field(name)])) as Record<LimitName, ReturnType<typeof field>>,
	);
}

export const repositoryLimitsRequest = requestFor("repository").openapi("RepositoryLimitsRequest");
export const ownerLimitsRequest = requestFor("owner").openapi("OwnerLimitsRequest");
