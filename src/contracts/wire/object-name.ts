// The names of the Durable Objects: parts with a slash between, and no part has a slash in it. A name is written and read here
// alone, since an object that is reached by another name is another object.
import { assert } from "../../domain/refusal.ts";
import type { RepositoryName } from "../objects/objects.ts";

/** One shard of a pool. */
export interface PoolShardName {
	owner: string;
	pool: string;
	shard: number;
}

/** One attempt's log. */
export interface LogName extends RepositoryName {
	job: string;
	attempt: number;
}

/** One run, as whoever follows it names it. */
export interface FeedName extends RepositoryName {
	run: string;
}

export function repoObjectName({ owner, repo }: RepositoryName): string {
	return `${owner}/${repo}`;
}

export function readRepoObjectName(name: string): RepositoryName {
	const [owner, repo, ...rest] = name.split("/");
	assert(owner && repo && rest.length === 0, "a repository's object is named owner/repo");
	return { owner, repo };
}

export function poolObjectName({ owner, pool, shard }: PoolShardName): string {
	return `${owner}/${pool}/${shard}`;
}

export function readPoolObjectName(name: string): PoolShardName {
	const [owner, pool, shard, ...rest] = name.split("/");
	assert(owner && pool && shard && rest.length === 0, "a pool's object is named owner/pool/shard");
	return { owner, pool, shard: Number(shard) };
}

export function logObjectName({ owner, repo, job, attempt }: LogName): string {
	return `${owner}/${repo}/${job}/${attempt}`;
}

export function readLogObjectName(name: string): LogName {
	const [owner, repo, job, attempt, ...rest] = name.split("/");
	assert(owner && repo && job && attempt && rest.length === 0, "a log's object is named owner/repo/job/attempt");
	return { owner, repo, job, attempt: Number(attempt) };
}

export function feedObjectName({ owner, repo, run }: FeedName): string {
	return `${owner}/${repo}/${run}`;
}

export function readFeedObjectName(name: string): FeedName {
	const [owner, repo, run, ...rest] = name.split("/");
	assert(owner && repo && run && rest.length === 0, "a run's feed is named owner/repo/run");
	return { owner, repo, run };
}

const operatorObjectName = "/operator";

/** Null: the installation's operator, who is no owner; no owner's name has a slash. */
export function ownerObjectName(owner: string | null): string {
	return owner ?? operatorObjectName;
}
