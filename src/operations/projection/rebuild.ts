// The rebuild of the read model as one may ask for it: of a repository, or of an owner.
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAskOfOwner, mayAskOfRepository } from "../access.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import type { Ports } from "../ports.ts";
import { isOnWay, rebuildOwnerSlice } from "./rebuild-owner.ts";
import type { OwnerRebuilt, OwnerRebuildPorts } from "./rebuild-owner.ts";
import { rebuildSlice } from "./rebuild-repository.ts";
import type { Rebuilt, RebuildPorts } from "./rebuild-repository.ts";

/** One slice. The first of a rebuild is the act that is noted. */
export async function rebuildRepository(
	ports: RebuildPorts & Pick<Ports, "switches"> & NotePorts,
	caller: Caller,
	{ repository, cursor }: { repository: RepositoryName; cursor: string | null },
): Promise<Result<Rebuilt>> {
	const may = mayAskOfRepository(caller, "rebuildRepository", repository);
	if (!may.ok) return may;
	if (!ports.switches.current().project) return refuse({ code: "projection-off" });
	if (cursor === null && !(await isKnown(ports, repository))) return refuse({ code: "unknown" });
	const done = await rebuildSlice(ports, repository, cursor);
	if (cursor === null) noteAct(ports, caller, { action: "projection-rebuild", ...repository });
	return accept(done);
}

/** Whether there is the repository, or a row that says so. */
async function isKnown({ repo, projectionRows }: RebuildPorts, name: RepositoryName): Promise<boolean> {
	if ((await repo(name).projectable([])) !== null) return true;
	if ((await projectionRows.repository(name)) !== null) return true;
	return (await projectionRows.places(name, { after: null, limit: 1 })).length > 0;
}

/**
 * As `rebuildRepository`. Once all is done, the owner's lists do not say any more that they lack what was lost before it began:
 * `cursor` is when that was, and the place.
 */
export async function rebuildOwner(
	ports: OwnerRebuildPorts & Pick<Ports, "switches"> & NotePorts,
	caller: Caller,
	{ owner, cursor }: { owner: string; cursor: string | null },
): Promise<Result<OwnerRebuilt>> {
	const may = mayAskOfOwner(caller, "rebuildOwner", owner);
	if (!may.ok) return may;
	if (!ports.switches.current().project) return refuse({ code: "projection-off" });
	const [began = "", ...place] = (cursor ?? `${ports.now()}`).split(" ");
	const beganAt = Number(began);
	const at = cursor === null ? null : place.join(" ");
	if (beganAt > ports.now() || !(await isOnWay(ports, owner, at))) return refuse({ code: "cursor-unknown" });
	const done = await rebuildOwnerSlice(ports, owner, at);
	if (done.next === null) await ports.projectionRows.closeGap(owner, beganAt);
	if (cursor === null) noteAct(ports, caller, { action: "projection-rebuild", owner });
	return accept({ ...done, next: done.next === null ? null : `${beganAt} ${done.next}` });
}
