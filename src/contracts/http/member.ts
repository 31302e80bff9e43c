// Members of an owner, and what each of them is there.
import { z } from "@hono/zod-openapi";

/** Each may what those before it may, and more. What exactly: `src/operations/principal.ts`. */
export const role = z.enum(["viewer", "developer", "maintainer", "owner"]);
export type Role = z.infer<typeof role>;
