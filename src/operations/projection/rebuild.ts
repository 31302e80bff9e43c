// The rebuild of the read model as one may ask for it: of a repository, of an owner, or of all that the installation knows.
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAskOfOwner, mayAskOfRepository } from "../access.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import type { Ports } from "../ports.ts";
import { rebuildOwnerSlice } from "./rebuild-owner.ts";
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
	const done = await rebuildSlice(ports, repository, cursor);
	if (cursor === null) noteAct(ports, caller, { action: "projection-rebuild", ...repository });
	return accept(done);
}

/** As `rebuildRepository`; once all is done, the owner's lists do not say any more that they may lack something. */
export async function rebuildOwner(
	ports: OwnerRebuildPorts & Pick<Ports, "switches"> & NotePorts,
	caller: Caller,
	{ owner, cursor }: { owner: string; cursor: string | null },
): Promise<Result<OwnerRebuilt>> {
	const may = mayAskOfOwner(caller, "rebuildOwner", owner);
	if (!may.ok) return may;
	if (!ports.switches.current().project) return refuse({ code: "projection-off" });
	const done = await rebuildOwnerSlice(ports, owner, cursor);
	if (done.next === null) await ports.projectionRows.closeGap(owner);
	if (cursor === null) noteAct(ports, caller, { action: "projection-rebuild", owner });
	return accept(done);
}
