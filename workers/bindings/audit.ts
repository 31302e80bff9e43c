// Writes the audit after the act: the act has happened, so nothing here may delay it or make it fail.
import type { AuditRecord } from "../../src/contracts/http/audit.ts";
import { auditKeptMs, auditSliceMax } from "../../src/domain/limits.ts";
import { addAudit, forgetAudit } from "../../src/store/audit.ts";
import type { Env } from "../env.ts";
import { guarded } from "./breakers.ts";
import { database } from "./read-model.ts";
import { report } from "../report.ts";

/** Short: the platform gives what outlives an answer 30 s, and a database that is away for longer is away for all of them. */
const pausesMs = [200, 1_000];

/** Never throws. What cannot be written stands in the log instead; what dies with its isolate in these seconds is lost. */
export async function writeAudit(env: Env, record: AuditRecord): Promise<void> {
	for (const pauseMs of [...pausesMs, null]) {
		try {
			// [K8] Somebody's act is to be known: it is written whatever the breaker says.
			return await guarded(env, "database", () => addAudit(database(env), record), { mustPass: true });
		} catch (cause) {
			if (pauseMs === null) report({ event: "audit-unwritten", record, cause: String(cause) });
			else await scheduler.wait(pauseMs);
		}
	}
}

/** [B17] A round of the sweep. */
export async function deleteOldAudit(env: Env, now: number): Promise<void> {
	await forgetAudit(database(env), { before: now - auditKeptMs, limit: auditSliceMax });
}
