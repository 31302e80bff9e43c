// Secrets: set, forgotten, and listed without their values.
import type { RepositoryName, SecretFacts } from "../contracts/objects/objects.ts";
import type { SecretTerms } from "../domain/job/secret-terms.ts";
import { secretTermsDefault } from "../domain/job/secret-terms.ts";
import { accept } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAskOfRepository } from "./access.ts";
import type { Caller } from "./access.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import type { Deleted, Ports } from "./ports.ts";

type RepoPorts = Pick<Ports, "repo">;

/** All of them. */
export async function listSecrets(
	ports: RepoPorts,
	caller: Caller,
	repository: RepositoryName,
): Promise<Result<SecretFacts[]>> {
	const may = mayAskOfRepository(caller, "listSecrets", repository);
	const listed = may.ok ? await ports.repo(repository).secretNames("facts") : may;
	if (!listed.ok) return listed;
	return accept(listed.value.map((one) => (typeof one === "string" ? factsOfOlder(one) : one)));
}

/** As an object of an older deploy answers, which keeps no terms and heeds none. */
function factsOfOlder(name: string): SecretFacts {
	return { name, ...secretTermsDefault, at: null };
}

export async function setSecret(
	ports: RepoPorts & Pick<Ports, "sealSecret"> & NotePorts,
	caller: Caller,
	{ repository, name, value, ...terms }: { repository: RepositoryName; name: string; value: string } & SecretTerms,
): Promise<Result<null>> {
	const may = mayAskOfRepository(caller, "setSecret", repository);
	if (!may.ok) return may;
	const sealed = await ports.sealSecret(repository, { name, value });
	const set = await ports.repo(repository).setSecret({ name, sealed, ...terms });
	const act = { action: "secret-set", ...repository, subject: name, details: { ...terms } } as const;
	if (set.ok) noteAct(ports, caller, act);
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
