// Repositories: settings, figures of the queue.
import type { QueueFigures, Repository, RepositoryRequest } from "../contracts/http/repository.ts";
import type { RepoCalls, RepositoryName } from "../contracts/objects/objects.ts";
import { asOutage } from "../contracts/wire/outage.ts";
import { accept } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAskOfOwner, mayAskOfRepository } from "./access.ts";
import type { Caller } from "./access.ts";
import { rightsAt } from "./principal.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import { ownFirst, ownLater } from "./owned-things.ts";
import type { OwningPorts } from "./owned-things.ts";
import type { Page } from "../contracts/http/page.ts";
import type { Ports, Seen } from "./ports.ts";

type RepoPorts = Pick<Ports, "repo">;

/** [A125] What the caller may not know is not read: no page is shorter for it, and no cursor names it. */
export async function listRepositories(
	ports: Pick<Ports, "readModel">,
	caller: Caller,
	call: { owner: string; limit: number; cursor: string | null },
): Promise<Result<Page<Repository>>> {
	const may = mayAskOfOwner(caller, "listRepositories", call.owner);
	if (!may.ok) return may;
	const repos = rightsAt(caller.who, call.owner)?.repos ?? null;
	return accept(await ports.readModel.repositories({ ...call, repos }));
}

/** `replace`: what the request does not name goes back to what it is without being said. */
export async function setRepository(
	ports: RepoPorts & OwningPorts & NotePorts,
	caller: Caller,
	call: { repository: RepositoryName; request: RepositoryRequest; replace: boolean },
): Promise<Result<Repository>> {
	const { repository, request, replace } = call;
	const may = mayAskOfRepository(caller, replace ? "putRepository" : "patchRepository", repository);
	if (!may.ok) return may;
	// Only such a call makes a repository.
	const thing = { kind: "repository", name: repository.repo } as const;
	const admitted = replace ? await ownFirst(ports, repository.owner, thing) : accept(null);
	if (!admitted.ok) return admitted;
	const set = await ports.repo(repository).configure({ ...repository, request, replace });
	const act = { action: "repository-set", ...repository, details: { replace, ...request } } as const;
	if (!set.ok) return set;
	noteAct(ports, caller, act);
	ownLater(ports, repository.owner, thing);
	return set;
}

/** While it does not answer itself, as it was told last. */
export async function getRepository(
	ports: RepoPorts & Pick<Ports, "readModel" | "now">,
	caller: Caller,
	repository: RepositoryName,
): Promise<Result<Seen<Repository>>> {
	try {
		const asked = { asks: "getRepository", repository } as const;
		const settings = await askRepository(ports, caller, asked, (calls) => calls.settings());
		return settings.ok ? accept({ value: settings.value, asOf: null }) : settings;
	} catch (cause) {
		if (asOutage(cause) === null) throw cause;
		const known = await ports.readModel.repository(repository).catch(() => null);
		if (known === null) throw cause;
		return accept({ value: known.repository, asOf: Math.min(known.at, ports.now()) });
	}
}

export function getQueue(ports: RepoPorts, caller: Caller, repository: RepositoryName): Promise<Result<QueueFigures>> {
	return askRepository(ports, caller, { asks: "getQueue", repository }, (calls) => calls.figures());
}

/** A read that needs no more than the right to it: the repository's object answers for itself. */
async function askRepository<T>(
	ports: RepoPorts,
	caller: Caller,
	{ asks, repository }: { asks: "getRepository" | "getQueue"; repository: RepositoryName },
	ask: (calls: RepoCalls) => Promise<Result<T>>,
): Promise<Result<T>> {
	const may = mayAskOfRepository(caller, asks, repository);
	return may.ok ? ask(ports.repo(repository)) : may;
}
