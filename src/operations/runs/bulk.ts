// Cancels or retries many jobs of a repository in one call, or says which it would.
import type { BulkCancel, BulkCancelRequest } from "../../contracts/http/bulk-cancel.ts";
import { retriedOutcomesDefault } from "../../contracts/http/bulk-retry.ts";
import type { BulkRetry, BulkRetryRequest } from "../../contracts/http/bulk-retry.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAskOfRepository } from "../access.ts";
import type { Caller } from "../access.ts";
import { noteAct } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import type { Ports } from "../ports.ts";

/** It needs no key: the same call twice cancels once. */
export async function cancelMatching(
	ports: Pick<Ports, "repo"> & NotePorts,
	caller: Caller,
	{ repository, request }: { repository: RepositoryName; request: BulkCancelRequest },
): Promise<Result<BulkCancel>> {
	const may = mayAskOfRepository(caller, "cancelJobs", repository);
	if (!may.ok) return may;
	const { reason = null, dryRun = false, ...filter } = request;
	const { state, label = null, ref = null } = filter;
	const call = { state, label, ref, dryRun, actor: caller.name, reason };
	const answer = await ports.repo(repository).cancelMatching(call);
	if (answer.ok && answer.value.canceled > 0) {
		const details = { ...filter, canceled: answer.value.canceled };
		noteAct(ports, caller, { action: "jobs-cancel", ...repository, reason, details });
	}
	return answer;
}

export async function retryMatching(
	ports: Pick<Ports, "repo"> & NotePorts,
	caller: Caller,
	{ repository, request, key }: { repository: RepositoryName; request: BulkRetryRequest; key: string | null },
): Promise<Result<BulkRetry & { replayed: boolean }>> {
	const may = mayAskOfRepository(caller, "retryJobs", repository);
	if (!may.ok) return may;
	const { reason = null, dryRun = false, ...filter } = request;
	const { outcome = retriedOutcomesDefault, since, label = null, ref = null } = filter;
	const answer = await ports.repo(repository).retryMatching({
		outcome,
		since: since === undefined ? null : Date.parse(since),
		label,
		ref,
		dryRun,
		key,
		actor: caller.name,
		reason,
	});
	if (answer.ok && !answer.value.replayed && !answer.value.dryRun) {
		const details = { ...filter, retried: answer.value.retried };
		noteAct(ports, caller, { action: "jobs-retry", ...repository, reason, details });
	}
	return answer;
}
