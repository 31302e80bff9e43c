// What every route finds in its Hono context: put there by the app before any route runs.
import type { TokenName } from "../../contracts/objects/owner.ts";
import type { SessionPayload } from "../../contracts/objects/token-payload.ts";
import type { Passage } from "./overload/passage.ts";
import type { Services } from "./services.ts";

export interface ApiVariables {
	services: Services;
	requestId: string;
	/** The token that the call stands or falls with; null: none that could have been ended. */
	behind: TokenName | null;
	/** The session that its cookie says it is of; null: it has none that is whole, or brings a token. */
	session: SessionPayload | null;
	/** Its way through the gate; absent: it passes always. */
	passage?: Passage;
}

export type ApiEnv = { Variables: ApiVariables };
