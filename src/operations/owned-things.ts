// What an owner has is told to the owner's object: repositories, pools and tokens have no other place from which an owner's could be
// found, should the read model be lost.
import type { OwnerRunner } from "../contracts/objects/owner.ts";
import type { OwnedThing } from "../contracts/objects/projectable.ts";
import { inTime } from "../contracts/wire/in-time.ts";
import { accept } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import type { Ports } from "./ports.ts";

export type OwningPorts = Pick<Ports, "owner" | "later">;

/** What this process has told: pools come with each registration of a runner. */
const told = new Set<string>();
const toldMax = 5_000;

/** Nobody waits longer for an owner's object that does not answer: then the thing is made, and told later. */
const admitMsMax = 2_000;

/** [V27] Before a thing is made: refused where its owner has as many as may be. */
export async function ownFirst(ports: OwningPorts, owner: string, thing: OwnedThing): Promise<Result<null>> {
	const key = `${owner} ${thing.kind} ${thing.name}`;
	if (told.has(key)) return accept(null);
	const admitted = await inTime(ports.owner(owner).admit(thing), admitMsMax, () => null).catch(() => null);
	if (admitted === null) ownLater(ports, owner, thing);
	else if (admitted.ok) noteTold(key);
	return admitted ?? accept(null);
}

/**
 * [V32] Before a pool takes a runner. While the owner's object does not answer the runner is taken, and counted once it does. What is
 * accepted can be taken back, should the pool not take the runner after all.
 */
export async function ownRunnerFirst(
	ports: OwningPorts,
	owner: string,
	runner: OwnerRunner,
): Promise<Result<{ disown: () => void }>> {
	const admitted = await inTime(ports.owner(owner).admitRunner(runner), admitMsMax, () => null).catch(() => null);
	if (admitted?.ok === false) return admitted;
	if (admitted === null) {
		const own = async () => ports.owner(owner).ownRunner(runner);
		ports.later(own().catch(() => undefined));
	}
	const disown = async () => ports.owner(owner).disownRunner(runner.id);
	return accept({ disown: () => ports.later(disown().catch(() => undefined)) });
}

/** Its place is free when this returns, unless the owner's object does not answer: then it finds out by itself. */
export async function disownRunner(ports: Pick<Ports, "owner">, owner: string, runner: string): Promise<void> {
	await inTime(ports.owner(owner).disownRunner(runner), admitMsMax, () => undefined).catch(() => undefined);
}

function noteTold(key: string): void {
	if (told.size >= toldMax) told.clear();
	told.add(key);
}

/**
 * After the answer, which neither waits for it nor fails with it. What was not told is told with the next change of that thing, or
 * taken over by a rebuild that finds it in the read model.
 */
export function ownLater(ports: OwningPorts, owner: string, thing: OwnedThing): void {
	const key = `${owner} ${thing.kind} ${thing.name}`;
	if (told.has(key)) return;
	const own = async () => {
		await ports.owner(owner).own([thing]);
		noteTold(key);
	};
	ports.later(own().catch(() => undefined));
}
