// The calls of a runner while it holds a job. Its lease's identity is all that they need to know of the caller: the door has read it
// from a token, and the epoch in it fences. Each answer says how the lease stands, and each call renews it.
import type { LeaseAnswer, LeaseIdentity } from "../../contracts/objects/objects.ts";
import type { LogAppended } from "../../contracts/objects/log-calls.ts";
import type { Job } from "../../contracts/http/run.ts";
import type { LeaseState } from "../../contracts/http/runner.ts";
import { leaseIdFrom } from "../../domain/ids.ts";
import type { FinishReport, StepRecord } from "../../domain/job/job.ts";
import { appendBytesMax } from "../../domain/limits.ts";
import type { AppendKind } from "../../domain/log/log.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Refusal, Result } from "../../domain/refusal.ts";
import type { Ports, SocketPorts } from "../ports.ts";

type LeasePorts = Pick<Ports, "repo" | "pool" | "leases" | "now" | "later">;
type LogReadPorts = LeasePorts & Pick<Ports, "log">;

/** Characters of a finish's reason that are kept. */
const reasonMax = 500;

/** Nothing of the job may run before this was accepted. */
export async function startAttempt(ports: LeasePorts, lease: LeaseIdentity): Promise<Result<LeaseAnswer>> {
	const started = await ports.repo(lease).start(lease);
	if (!started.ok) return started;
	const at = ports.now();
	// The grant itself counts as a renewal, and the start follows it within seconds.
	ports.leases.beginRenewal(lease, at);
	ports.leases.noteState(lease, { at, isCanceling: started.value.lease === "canceling" });
	return started;
}

/** `left`: bytes that a killed runner had on its disk. They say nothing of whether its lease is alive, and renew nothing. */
export async function appendLog(
	ports: LogReadPorts,
	lease: LeaseIdentity,
	{ offset, bytes, kind }: { offset: number; bytes: Uint8Array; kind: AppendKind },
): Promise<Result<LogAppended>> {
	if (bytes.length > appendBytesMax) return refuse({ code: "too-large", max: appendBytesMax });
	const [appended, isCanceling] = await Promise.all([
		ports.log(lease).append(lease, offset, bytes, kind),
		askWhetherCanceling(ports, lease),
	]);
	if (!appended.ok) return appended;
	const state = merged(appended.value.lease, isCanceling);
	if (kind === "live") renewLater(ports, lease, state);
	return accept({ ...appended.value, lease: state });
}

export async function tellSteps(
	ports: LogReadPorts,
	lease: LeaseIdentity,
	steps: StepRecord[],
): Promise<Result<{ lease: LeaseState }>> {
	const [noted, isCanceling] = await Promise.all([
		ports.log(lease).steps(lease, steps),
		askWhetherCanceling(ports, lease),
	]);
	if (!noted.ok) return noted;
	const state = merged(noted.value.lease, isCanceling);
	renewLater(ports, lease, state);
	return accept({ lease: state });
}

/** As `appendLog`, over a socket of the log's own object. */
export function openUpload<Socket>(
	ports: Pick<SocketPorts<Socket>, "openUploadSocket">,
	lease: LeaseIdentity,
): Promise<Result<Socket>> {
	return ports.openUploadSocket(lease);
}

/** An accepted report ends the lease as it should: to its holder that is no loss. */
export function finishAttempt(
	ports: Pick<Ports, "repo">,
	lease: LeaseIdentity,
	report: FinishReport,
): Promise<Result<{ job: Job }>> {
	// Cut between the halves of a character, a text could not be stored.
	const reason = report.reason?.slice(0, reasonMax).toWellFormed() ?? null;
	return ports.repo(lease).finish(lease, { ...report, reason });
}

/**
 * How the lease stands, for a call that failed before its operation could say so: its runner must hear of a cancel all the same.
 * Null while the repository does not answer.
 */
export async function lookAtLease(ports: LeasePorts, lease: LeaseIdentity): Promise<LeaseState | null> {
	const state = await ports
		.repo(lease)
		.lease(lease)
		.catch(() => null);
	if (state !== null) renewLater(ports, lease, state);
	return state;
}

/** What a refusal says of the lease itself. Null: nothing, as a gap in the log is no reason to stop. */
export function stateIn({ code }: Refusal): LeaseState | null {
	return code === "lease-stale" ? "lost" : null;
}

/** The log learns of no cancel, and only hears of the lease when it is opened: the repository knows. */
async function askWhetherCanceling(ports: LeasePorts, lease: LeaseIdentity): Promise<boolean> {
	const at = ports.now();
	const known = ports.leases.isCanceling(lease, at);
	if (known !== null) return known;
	const state = ports.repo(lease).lease(lease);
	const isCanceling = (await state.catch(() => null)) === "canceling";
	ports.leases.noteState(lease, { at, isCanceling });
	return isCanceling;
}

function merged(state: LeaseState, isCanceling: boolean): LeaseState {
	return isCanceling && state !== "lost" ? "canceling" : state;
}

/** Once per heartbeat, after the answer. */
export function renewLater(
	ports: Pick<Ports, "pool" | "leases" | "now" | "later">,
	lease: LeaseIdentity,
	state: LeaseState,
): void {
	if (state === "lost" || !ports.leases.beginRenewal(lease, ports.now())) return;
	const renewal = ports.pool(lease).renew(leaseIdFrom(lease.job, lease.epoch));
	ports.later(renewal.catch(() => undefined));
}
