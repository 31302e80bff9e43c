// Whoever hears the bell of the intake empties it for that repository; the sweep rings for those whose bell got lost.
import type { IntakeBell } from "../../src/contracts/objects/intake.ts";
import type { RepositoryName } from "../../src/contracts/objects/objects.ts";
import { idempotencyKeptMs, spillRefusedKeptMs } from "../../src/domain/limits.ts";
import { drainIntake } from "../../src/operations/spill/drain.ts";
import { delayOf } from "../dead-letters/give-up.ts";
import type { Env } from "../env.ts";
import { report } from "../report.ts";
import { repoCalls } from "../bindings/stubs.ts";
import { intakeOf } from "./intake-store.ts";

/** Repositories looked at in one round of the sweep. */
const sweptMax = 500;
const bellTriesMax = 6;

/** Bells of one repository are one visit. One that fails is rung again, later each time, and holds up no other. */
export async function drainRung(messages: readonly Message<IntakeBell>[], env: Env): Promise<void> {
	const groups = Map.groupBy(messages, ({ body: { owner, repo } }) => `${owner}/${repo}`);
	await Promise.all([...groups.values()].map((group) => visit(group, env)));
}

async function visit(group: readonly Message<IntakeBell>[], env: Env): Promise<void> {
	const [first] = group;
	if (!first) return;
	const { owner, repo } = first.body;
	const intake = intakeOf(env);
	try {
		const { isMore } = await drainIntake(
			{ repo: (name) => repoCalls(env, name), intake, now: Date.now },
			{ owner, repo },
		);
		if (isMore) await intake.ring({ owner, repo });
		for (const message of group) message.ack();
	} catch (cause) {
		report({ event: "drain-failed", repository: `${owner}/${repo}`, cause: String(cause) });
		// A bell is rung again until the sweep does it anyway.
		for (const message of group) {
			if (message.attempts < bellTriesMax) message.retry({ delaySeconds: delayOf(message) });
			else message.ack();
		}
	}
}

/** Where the last round ended: the next goes on from there, so that no owner's repositories stand before the others for ever. */
let sweptTo: RepositoryName | null = null;

export async function sweepIntake(env: Env): Promise<void> {
	const intake = intakeOf(env);
	const found = await intake.repositories({ after: sweptTo, limit: sweptMax });
	sweptTo = found.length === sweptMax ? (found.at(-1) ?? null) : null;
	for (const name of found) await intake.ring(name);
	await intake.forgetRefused(Date.now() - spillRefusedKeptMs);
	await intake.forgetKeys(Date.now() - idempotencyKeptMs);
}
