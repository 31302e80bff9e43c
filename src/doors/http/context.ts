// What every route finds in its Hono context: put there by the app before any route runs.
import type { TokenName } from "../../contracts/objects/owner.ts";
import type { Passage } from "./overload/passage.ts";
import type { Services } from "./services.ts";

export interface ApiVariables {
	services: Services;
	requestId: string;
	/** The token that the call stands or falls with; null: none that could have been ended. */
	behind: TokenName | null;
	/** Its way through the gate; absent: it passes always. */
	passage?: Passage;
}

export type ApiEnv = { Variables: ApiVariables };
