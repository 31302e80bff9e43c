// What belongs to the whole installation: the operator's switches, and the audit, of which an owner's admins read their part.
import type { AuditAction, AuditRecord } from "../contracts/http/audit.ts";
import type { Switches } from "../contracts/http/switches.ts";
import { accept } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAsk, mayAskOfOwner } from "./access.ts";
import type { Caller } from "./access.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import type { ShownMetric } from "./metrics/metrics.ts";
import type { Page } from "../contracts/http/page.ts";
import type { Ports } from "./ports.ts";

export async function getSwitches(ports: Pick<Ports, "switches">, caller: Caller): Promise<Result<Switches>> {
	const may = mayAsk(caller, "getSwitches");
	return may.ok ? accept(await ports.switches.read()) : may;
}

export async function setSwitches(
	ports: Pick<Ports, "switches"> & NotePorts,
	caller: Caller,
	patch: Partial<Switches>,
): Promise<Result<Switches>> {
	const may = mayAsk(caller, "setSwitches");
	if (!may.ok) return may;
	const switched = await ports.switches.set(patch);
	noteAct(ports, caller, { action: "switches-set", owner: null, details: patch });
	return accept(switched);
}

/** [K27] `late` ends the waiting for figures that are read from somewhere: those are left out. */
export async function readMetrics(
	ports: Pick<Ports, "metrics">,
	caller: Caller,
	late: Promise<unknown>,
): Promise<Result<ShownMetric[]>> {
	const may = mayAsk(caller, "getMetrics");
	return may.ok ? accept(await ports.metrics.read(late)) : may;
}

export interface AuditCall {
	/** Null: all owners'. */
	owner: string | null;
	actor: string | undefined;
	action: AuditAction | undefined;
	limit: number;
	cursor: string | null;
}

/** Newest first. */
export async function listAudit(
	ports: Pick<Ports, "readModel">,
	caller: Caller,
	call: AuditCall,
): Promise<Result<Page<AuditRecord>>> {
	const may = mayAskOfOwner(caller, "listAudit", call.owner);
	return may.ok ? accept(await ports.readModel.audit(call)) : may;
}
