// The rebuild of what the read model shows of an owner: pools and tokens from the owner's object, then one repository after the
// other. What the database alone knows, since the owner's object was not told of it, that object is told first; repositories that
// neither of them knows are found by what the archive has of them.
import type { Ports } from "../ports.ts";
import { rebuildSlice } from "./rebuild-repository.ts";
import type { Rebuilt, RebuildPorts } from "./rebuild-repository.ts";

/** Names handled in one call. */
const namesMax = 500;

export type OwnerRebuildPorts = RebuildPorts & Pick<Ports, "owner" | "repositoriesInArchive">;

/** As `rebuildSlice`, with whatever it works at now. */
export interface OwnerRebuilt extends Rebuilt {
	/** The repository that the slice was of; null: the owner's pools and tokens. */
	repo: string | null;
}

/** `cursor`: `pools`, `tokens`, `names` or `repository` and where in it; null: from the beginning. */
export async function rebuildOwnerSlice(
	ports: OwnerRebuildPorts,
	owner: string,
	cursor: string | null,
): Promise<OwnerRebuilt> {
	const [step = "", name = "", ...inner] = (cursor ?? "pools").split(" ");
	switch (step) {
		case "pools":
			return rebuildPools(ports, owner, name);
		case "tokens":
			return rebuildTokens(ports, owner, name);
		case "names":
			return findRepositories(ports, owner, name);
		default:
			return rebuildOne(ports, { owner, repo: name }, inner.length === 0 ? null : inner.join(" "));
	}
}

async function rebuildPools(ports: OwnerRebuildPorts, owner: string, after: string): Promise<OwnerRebuilt> {
	const rows = await ports.projectionRows.poolNames({ owner, after, limit: namesMax });
	await ports.owner(owner).own(rows.map((name) => ({ kind: "pool", name })));
	const known = await ports.owner(owner).owned({ kind: "pool", after, limit: namesMax });
	const names = known.map(({ name }) => name);
	const written = await ports.projectionRows.addPools(owner, names);
	const next = names.length < namesMax ? "tokens" : `pools ${names.at(-1)}`;
	return { repo: null, right: names.length - written, written, removed: 0, next };
}

async function rebuildTokens(ports: OwnerRebuildPorts, owner: string, after: string): Promise<OwnerRebuilt> {
	const rows = await ports.projectionRows.tokens({ owner, after, limit: namesMax });
	await ports.owner(owner).own(rows.map((token) => ({ kind: "token", name: token.id, token })));
	const known = await ports.owner(owner).owned({ kind: "token", after, limit: namesMax });
	const tokens = known.flatMap((thing) => (thing.kind === "token" ? [thing.token] : []));
	const written = await ports.projectionRows.writeTokens(tokens);
	const next = known.length < namesMax ? "names" : `tokens ${known.at(-1)?.name}`;
	return { repo: null, right: tokens.length - written, written, removed: 0, next };
}

/** So that those that come next are known whatever the database has lost. */
async function findRepositories(ports: OwnerRebuildPorts, owner: string, after: string): Promise<OwnerRebuilt> {
	const rows = await ports.projectionRows.repositoryNames({ owner, after, limit: namesMax });
	const found = after === "" ? [...rows, ...(await ports.repositoriesInArchive(owner))] : rows;
	await ports.owner(owner).own(found.map((name) => ({ kind: "repository", name })));
	const next = rows.length < namesMax ? await nextRepository(ports, owner, "") : `names ${rows.at(-1)}`;
	return { repo: null, right: 0, written: 0, removed: 0, next };
}

async function rebuildOne(
	ports: OwnerRebuildPorts,
	name: { owner: string; repo: string },
	inner: string | null,
): Promise<OwnerRebuilt> {
	const { owner, repo } = name;
	const done = await rebuildSlice(ports, name, inner);
	const next = done.next === null ? await nextRepository(ports, owner, repo) : `repository ${repo} ${done.next}`;
	return { ...done, repo, next };
}

async function nextRepository(ports: OwnerRebuildPorts, owner: string, after: string): Promise<string | null> {
	const [next] = await ports.owner(owner).owned({ kind: "repository", after, limit: 1 });
	return next ? `repository ${next.name}` : null;
}

/** Whether a rebuild comes by this place: it goes through no repository that the owner does not have. */
export async function isOnWay(
	ports: Pick<OwnerRebuildPorts, "owner">,
	owner: string,
	cursor: string | null,
): Promise<boolean> {
	const [step, repo = ""] = (cursor ?? "").split(" ");
	if (step !== "repository") return true;
	// No name lies between these two, since none has a `~`.
	const after = `${repo.slice(0, -1)}${String.fromCharCode(repo.charCodeAt(repo.length - 1) - 1)}~`;
	const [next] = await ports.owner(owner).owned({ kind: "repository", after, limit: 1 });
	return next?.name === repo;
}
