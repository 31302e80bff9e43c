// What an owner has is told to the owner's object: repositories, pools and tokens have no other place from which an owner's could be
// found, should the read model be lost.
import type { OwnedThing } from "../contracts/objects/projectable.ts";
import type { Ports } from "./ports.ts";

export type OwningPorts = Pick<Ports, "owner" | "later">;

/** What this process has told: pools come with each registration of a runner. */
const told = new Set<string>();
const toldMax = 5_000;

/**
 * After the answer, which neither waits for it nor fails with it. What was not told is told with the next change of that thing, or
 * taken over by a rebuild that finds it in the read model.
 */
export function ownLater(ports: OwningPorts, owner: string, thing: OwnedThing): void {
	const key = `${owner} ${thing.kind} ${thing.name}`;
	if (told.has(key)) return;
	const own = async () => {
		await ports.owner(owner).own([thing]);
		if (told.size >= toldMax) told.clear();
		told.add(key);
	};
	ports.later(own().catch(() => undefined));
}
