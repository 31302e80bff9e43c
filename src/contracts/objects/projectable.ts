// What the read model holds of a repository, as a rebuild asks the repository's object for it, and of an owner, as the owner's
// object keeps it.
import type { Millis, RunId } from "../../domain/ids.ts";
import type { Repository } from "../http/repository.ts";
import type { Run } from "../http/run.ts";
import type { TokenRecord } from "../http/token.ts";

export interface Projectable {
	repository: Repository;
	/** When it was so. */
	at: Millis;
	/** Without their jobs. */
	runs: Run[];
}

export interface RunIds {
	runs: { id: RunId; isArchived: boolean }[];
	/** Where the next slice begins; null at the end. */
	next: RunId | null;
}

/** What an owner has, of which no object of its own says whose it is. */
export type OwnedThing =
	| { kind: "repository"; name: string }
	| { kind: "pool"; name: string }
	/** By the token's id. */
	| { kind: "token"; name: string; token: TokenRecord };
