// Objects as the API calls them: each behind the breaker of its own name.
import type { PoolCalls, RepoCalls, RepositoryName } from "../../src/contracts/objects/objects.ts";
import type { LogCalls } from "../../src/contracts/objects/log-calls.ts";
import type { OwnerCalls } from "../../src/contracts/objects/owner.ts";
import type { PersonCalls } from "../../src/contracts/objects/person.ts";
import type { FeedCalls } from "../../src/contracts/objects/feed.ts";
import {
	feedObjectName,
	logObjectName,
	ownerObjectName,
	poolObjectName,
	repoObjectName,
} from "../../src/contracts/wire/object-name.ts";
import type { FeedName, LogName, PoolShardName } from "../../src/contracts/wire/object-name.ts";
import { guardedObject } from "../../src/operations/breakers/guarded-object.ts";
import type { Env } from "../env.ts";
import { breakersOf } from "./breakers.ts";
import { feedCalls, logCalls, ownerCalls, personCalls, poolCalls, repoCalls } from "./stubs.ts";

export interface GuardedCalls {
	repo(name: RepositoryName): RepoCalls;
	pool(name: PoolShardName): PoolCalls;
	log(name: LogName): LogCalls;
	feed(name: FeedName): FeedCalls;
	owner(name: string | null): OwnerCalls;
	person(holder: string): PersonCalls;
}

export function guardedCalls(env: Env): GuardedCalls {
	const breakers = breakersOf(env);
	return {
		repo: (name) => guardedObject(breakers, { of: "repositories", name: repoObjectName(name) }, repoCalls(env, name)),
		pool: (name) => guardedObject(breakers, { of: "pools", name: poolObjectName(name) }, poolCalls(env, name)),
		log: (name) => guardedObject(breakers, { of: "logs", name: logObjectName(name) }, logCalls(env, name)),
		feed: (name) => guardedObject(breakers, { of: "feeds", name: feedObjectName(name) }, feedCalls(env, name)),
		owner: (name) => guardedObject(breakers, { of: "owners", name: ownerObjectName(name) }, ownerCalls(env, name)),
		person: (holder) => guardedObject(breakers, { of: "people", name: holder }, personCalls(env, holder)),
	};
}
