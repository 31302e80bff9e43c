// Limits as their owner sees them, with what is used of each, and as the operator sets them.
import type { LimitUse } from "../contracts/http/limit.ts";
import type { LimitsCall, RepositoryName } from "../contracts/objects/objects.ts";
import type { Result } from "../domain/refusal.ts";
import { accept } from "../domain/refusal.ts";
import { mayAsk, mayAskOfOwner, mayAskOfRepository } from "./access.ts";
import type { Caller } from "./access.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import type { Ports } from "./ports.ts";

export async function getRepositoryLimits(
	ports: Pick<Ports, "repo">,
	caller: Caller,
	repository: RepositoryName,
): Promise<Result<LimitUse[]>> {
	const may = mayAskOfRepository(caller, "getRepositoryLimits", repository);
	return may.ok ? ports.repo(repository).limits() : may;
}

export async function setRepositoryLimits(
	ports: Pick<Ports, "repo"> & NotePorts,
	caller: Caller,
	{ repository, ...call }: LimitsCall & { repository: RepositoryName },
): Promise<Result<LimitUse[]>> {
	const { change, replace } = call;
	const may = mayAsk(caller, replace ? "putRepositoryLimits" : "patchRepositoryLimits");
	if (!may.ok) return may;
	const set = await ports.repo(repository).setLimits(call);
	if (set.ok) noteAct(ports, caller, { action: "limits-set", ...repository, details: { replace, ...change } });
	return set;
}

export async function getOwnerLimits(
	ports: Pick<Ports, "owner">,
	caller: Caller,
	owner: string,
): Promise<Result<LimitUse[]>> {
	const may = mayAskOfOwner(caller, "getOwnerLimits", owner);
	return may.ok ? accept(await ports.owner(owner).limits()) : may;
}

export async function setOwnerLimits(
	ports: Pick<Ports, "owner" | "ownerLimits"> & NotePorts,
	caller: Caller,
	{ owner, ...call }: LimitsCall & { owner: string },
): Promise<Result<LimitUse[]>> {
	const { change, replace } = call;
	const may = mayAsk(caller, replace ? "putOwnerLimits" : "patchOwnerLimits");
	if (!may.ok) return may;
	const set = await ports.owner(owner).setLimits(call);
	ports.ownerLimits.note(owner, set, ports.now());
	noteAct(ports, caller, { action: "limits-set", owner, details: { replace, ...change } });
	return accept(set);
}
