// Secrets of a repository and of an owner: set, forgotten, and listed without their values.
import type { RepositoryName } from "../contracts/objects/objects.ts";
import type { SecretCall, SecretFacts } from "../contracts/objects/secrets.ts";
import type { SecretTerms } from "../domain/job/secret-terms.ts";
import { secretTermsDefault } from "../domain/job/secret-terms.ts";
import { accept } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAskOfOwner, mayAskOfRepository } from "./access.ts";
import type { Caller } from "./access.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import type { Deleted, Ports } from "./ports.ts";

type RepoPorts = Pick<Ports, "repo">;
type OwnerPorts = Pick<Ports, "owner">;
type SecretSet = { name: string; value: string } & SecretTerms;

/** Whose they are: a repository's, or, `repo` null, an owner's. */
interface Holder {
	owner: string;
	repo: string | null;
}

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
	{ repository, ...secret }: { repository: RepositoryName } & SecretSet,
): Promise<Result<null>> {
	const may = mayAskOfRepository(caller, "setSecret", repository);
	return may.ok ? set(ports, caller, { holder: repository, held: ports.repo(repository), secret }) : may;
}

export async function deleteSecret(
	ports: RepoPorts & NotePorts,
	caller: Caller,
	{ repository, name }: { repository: RepositoryName; name: string },
): Promise<Result<Deleted>> {
	const may = mayAskOfRepository(caller, "deleteSecret", repository);
	return may.ok ? forget(ports, caller, { holder: repository, held: ports.repo(repository), name }) : may;
}

export async function listOwnerSecrets(
	ports: OwnerPorts,
	caller: Caller,
	owner: string,
): Promise<Result<SecretFacts[]>> {
	const may = mayAskOfOwner(caller, "listOwnerSecrets", owner);
	return may.ok ? accept(await ports.owner(owner).secrets()) : may;
}

export async function setOwnerSecret(
	ports: OwnerPorts & Pick<Ports, "sealSecret"> & NotePorts,
	caller: Caller,
	{ owner, ...secret }: { owner: string } & SecretSet,
): Promise<Result<null>> {
	const may = mayAskOfOwner(caller, "setOwnerSecret", owner);
	if (!may.ok) return may;
	return set(ports, caller, { holder: { owner, repo: null }, held: ports.owner(owner), secret });
}

export async function deleteOwnerSecret(
	ports: OwnerPorts & NotePorts,
	caller: Caller,
	{ owner, name }: { owner: string; name: string },
): Promise<Result<Deleted>> {
	const may = mayAskOfOwner(caller, "deleteOwnerSecret", owner);
	if (!may.ok) return may;
	return forget(ports, caller, { holder: { owner, repo: null }, held: ports.owner(owner), name });
}

/** What holds secrets: a repository's object, or an owner's. */
interface SecretHolder {
	setSecret(call: SecretCall): Promise<Result<null>>;
}

async function set(
	ports: Pick<Ports, "sealSecret"> & NotePorts,
	caller: Caller,
	{ holder, held, secret }: { holder: Holder; held: SecretHolder; secret: SecretSet },
): Promise<Result<null>> {
	const { name, value, ...terms } = secret;
	const sealed = await ports.sealSecret({ ...holder, name }, value);
	const done = await held.setSecret({ name, sealed, ...terms });
	if (done.ok) noteAct(ports, caller, { action: "secret-set", ...placeOf(holder), subject: name, details: terms });
	return done;
}

async function forget(
	ports: NotePorts,
	caller: Caller,
	{ holder, held, name }: { holder: Holder; held: SecretHolder; name: string },
): Promise<Result<Deleted>> {
	const deleted = await held.setSecret({ name, sealed: null });
	if (!deleted.ok) return deleted.refusal.code === "secret-unknown" ? accept({ wasThere: false }) : deleted;
	noteAct(ports, caller, { action: "secret-delete", ...placeOf(holder), subject: name });
	return accept({ wasThere: true });
}

function placeOf({ owner, repo }: Holder): { owner: string; repo?: string } {
	return repo === null ? { owner } : { owner, repo };
}
