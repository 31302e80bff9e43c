// What the engine of an owner's object is given beside its world: the read model, which it tells and once takes over from, and the
// far ends that hear of ends. Each call may fail or come twice on the way.
import type { PoolCalls } from "../../contracts/objects/objects.ts";
import type { PersonCalls } from "../../contracts/objects/person.ts";
import type { TokenEnd } from "../../contracts/objects/owner.ts";
import type { TokenRecord } from "../../contracts/http/token.ts";
import type { PoolShardName } from "../../contracts/wire/object-name.ts";
import type { Millis } from "../../domain/ids.ts";
import type { World } from "../ports.ts";
import type { SecretSealer } from "../secret-sealer.ts";

/** A page by name, after one name. */
export interface PageCall {
	owner: string;
	after: string;
	limit: number;
}

/** Of the read model, what concerns one owner. Throws when it cannot be reached. */
export interface OwnerRows {
	/** Tokens that were revoked, by id. */
	revoked(call: PageCall): Promise<TokenEnd[]>;
	markRevoked(ends: readonly { id: string; at: Millis }[]): Promise<void>;
	repositoryNames(call: PageCall): Promise<string[]>;
	poolNames(call: PageCall): Promise<string[]>;
	tokens(call: PageCall): Promise<TokenRecord[]>;
}

export interface OwnerOutside {
	rows: OwnerRows;
	pool(name: PoolShardName): Pick<PoolCalls, "tokensEnded" | "runnerIds">;
	/** A person's object, or that of the name of an invitation. */
	person(member: string): Pick<PersonCalls, "hearMembership">;
	sealer: SecretSealer;
	/** Work that nobody waits for, and that keeps the object awake. */
	later(work: Promise<unknown>): void;
}

export interface OwnerPorts {
	/** The owner's, or the operator's object's own. */
	name: string;
	world: World;
	outside: OwnerOutside;
}
