// What every route finds in its Hono context: put there by the app before any route runs.
import type { Services } from "./services.ts";

export type ApiEnv = { Variables: { services: Services; requestId: string } };
