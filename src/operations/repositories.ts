// Repositories: settings, figures of the queue, names of secrets.
import type { QueueFigures, Repository, RepositoryRequest } from "../contracts/http/repository.ts";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import { accept } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAskOfOwner, mayAskOfRepository } from "./access.ts";
import type { Caller } from "./access.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import type { Deleted, Page, Ports } from "./ports.ts";

type RepoPorts = Pick<Ports, "repo">;

/** A page may be shorter than asked for: what the token may not know is left out after it was read. */
export async function listRepositories(
	ports: Pick<Ports, "readModel">,
	caller: Caller,
	call: { owner: string; limit: number; cursor: string | null },
): Promise<Result<Page<Repository>>> {
	const may = mayAskOfOwner(caller, "listRepositories", call.owner);
	if (!may.ok) return may;
	const repos = caller.access?.repos ?? null;
	const page = await ports.readModel.repositories(call);
	return accept({ ...page, items: page.items.filter(({ repo }) => repos === null || repos.includes(repo)) });
}

/** `replace`: what the request does not name goes back to what it is without being said. */
export async function setRepository(
	ports: RepoPorts & NotePorts,
	caller: Caller,
	call: { repository: RepositoryName; request: RepositoryRequest; replace: boolean },
): Promise<Result<Repository>> {
	const { repository, request, replace } = call;
	const may = mayAskOfRepository(caller, "setRepository", repository);
	if (!may.ok) return may;
	const set = await ports.repo(repository).configure({ ...repository, request, replace });
	const act = { action: "repository-set", ...repository, details: { replace, ...request } } as const;
	if (set.ok) noteAct(ports, caller, act);
	return set;
}

export async function getRepository(
	ports: RepoPorts,
	caller: Caller,
	repository: RepositoryName,
): Promise<Result<Repository>> {
	const may = mayAskOfRepository(caller, "getRepository", repository);
	return may.ok ? ports.repo(repository).settings() : may;
}

export async function getQueue(
	ports: RepoPorts,
	caller: Caller,
	repository: RepositoryName,
): Promise<Result<QueueFigures>> {
	const may = mayAskOfRepository(caller, "getQueue", repository);
	return may.ok ? ports.repo(repository).figures() : may;
}

/** All of their names. */
export async function listSecrets(
	ports: RepoPorts,
	caller: Caller,
	repository: RepositoryName,
): Promise<Result<string[]>> {
	const may = mayAskOfRepository(caller, "listSecrets", repository);
	return may.ok ? ports.repo(repository).secretNames() : may;
}

export async function setSecret(
	ports: RepoPorts & Pick<Ports, "sealSecret"> & NotePorts,
	caller: Caller,
	{ repository, name, value }: { repository: RepositoryName; name: string; value: string },
): Promise<Result<null>> {
	const may = mayAskOfRepository(caller, "setSecret", repository);
	if (!may.ok) return may;
	const sealed = await ports.sealSecret(repository, { name, value });
	const set = await ports.repo(repository).setSecret({ name, sealed });
	if (set.ok) noteAct(ports, caller, { action: "secret-set", ...repository, subject: name });
	return set;
}

export async function deleteSecret(
	ports: RepoPorts & NotePorts,
	caller: Caller,
	{ repository, name }: { repository: RepositoryName; name: string },
): Promise<Result<Deleted>> {
	const may = mayAskOfRepository(caller, "deleteSecret", repository);
	if (!may.ok) return may;
	const deleted = await ports.repo(repository).setSecret({ name, sealed: null });
	if (!deleted.ok) return deleted.refusal.code === "secret-unknown" ? accept({ wasThere: false }) : deleted;
	noteAct(ports, caller, { action: "secret-delete", ...repository, subject: name });
	return accept({ wasThere: true });
}
