// A new data key for an owner: all of its secrets, and those of its repositories, are sealed anew in bounded slices. It may be cut
// short anywhere and begun anew, and then goes on with the same key; what an older key sealed opens until the last is done.
import type { Resealed } from "../contracts/objects/secrets.ts";
import { accept } from "../domain/refusal.ts";
import type { Result } from "../domain/refusal.ts";
import { mayAskOfOwner } from "./access.ts";
import type { Caller } from "./access.ts";
import { noteAct } from "./act-notes.ts";
import type { NotePorts } from "./act-notes.ts";
import type { Ports } from "./ports.ts";

/** Secrets sealed anew by one call to an object: 32 KiB each, which is some milliseconds. */
const secretsMax = 100;
/** Repositories gone through in one slice: a call each. */
const repositoriesMax = 20;

export interface Rotated extends Omit<Resealed, "unreadable"> {
	/** The version of the data key that seals from now on. */
	dataKey: number;
	unreadable: { repo: string | null; name: string }[];
}

type RotatePorts = Pick<Ports, "owner" | "repo" | "sealingKeys">;

/**
 * `cursor`: the version that it began with, then `owner` or `repository` and where in it; null: from the beginning, which is the act
 * that is noted.
 */
export async function rotateSecrets(
	ports: RotatePorts & NotePorts,
	caller: Caller,
	{ owner, cursor }: { owner: string; cursor: string | null },
): Promise<Result<Rotated>> {
	const may = mayAskOfOwner(caller, "rotateSecrets", owner);
	if (!may.ok) return may;
	const calls = ports.owner(owner);
	const key = cursor === null ? await calls.beginRotation() : await calls.dataKey({ repo: null });
	if (cursor === null) {
		noteAct(ports, caller, { action: "secrets-rotate", owner, details: { dataKey: key.version } });
	}
	const [began = "", step = "", name = "", after = ""] = (cursor ?? `${key.version} owner`).split(" ");
	// Another rotation may have begun since: this one helps it on, and does not end it.
	const end = async (total: Total, next: string | null) => {
		if (next === null) await calls.endRotation(Number(began));
		return accept({ ...total.sums, dataKey: key.version, next: next && `${began} ${next}` });
	};
	const total = new Total(ports.sealingKeys());
	if (step === "owner") {
		const done = await calls.resealSecrets({ after: name, limit: secretsMax });
		const next = done.next === null ? await nextRepository(ports, owner, "") : `owner ${done.next}`;
		return end(total.add(null, done), next);
	}
	let place: string | null = `repository ${name} ${after}`.trimEnd();
	for (let gone = 0; gone < repositoriesMax && place !== null; gone++) {
		const [, repo = "", from = ""]: string[] = place.split(" ");
		const done = await ports.repo({ owner, repo }).resealSecrets({ key, after: from, limit: secretsMax });
		if (done.ok) total.add(repo, done.value);
		const inner: string | null = done.ok ? done.value.next : null;
		place = inner === null ? await nextRepository(ports, owner, repo) : `repository ${repo} ${inner}`;
	}
	return end(total, place);
}

async function nextRepository(ports: RotatePorts, owner: string, after: string): Promise<string | null> {
	const [next] = await ports.owner(owner).owned({ kind: "repository", after, limit: 1 });
	return next ? `repository ${next.name}` : null;
}

class Total {
	readonly sums: Omit<Rotated, "dataKey" | "next">;

	/** All of the Worker's keys are named, so that it is seen of one that it seals nothing. */
	constructor(sealingKeys: string[]) {
		const none = Object.fromEntries(sealingKeys.map((id) => [id, 0]));
		this.sums = { resealed: 0, right: 0, unreadable: [], sealingKeys: none };
	}

	add(repo: string | null, { resealed, right, unreadable, sealingKeys }: Resealed): this {
		const { sums } = this;
		sums.resealed += resealed;
		sums.right += right;
		sums.unreadable.push(...unreadable.map((name) => ({ repo, name })));
		for (const [id, count] of Object.entries(sealingKeys)) sums.sealingKeys[id] = (sums.sealingKeys[id] ?? 0) + count;
		return this;
	}
}
