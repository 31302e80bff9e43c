// What a runner asks for: to be registered, a grant, that its leases are kept, a session. But for registering, its own identity
// is all that is needed of the caller: the door has read it from the runner's token.
import { randomUUID } from "node:crypto";
import type {
	AcquireRequest,
	Grant,
	HeartbeatReply,
	HeartbeatRequest,
	RegisterRequest,
} from "../../contracts/http/runner.ts";
import type { NotKnown, RunnerIdentity } from "../../contracts/objects/objects.ts";
import { shardOf } from "../../domain/pool/pool.ts";
import { accept, refuse } from "../../domain/refusal.ts";
import type { Result } from "../../domain/refusal.ts";
import { mayAskOfOwner } from "../access.ts";
import type { Caller } from "../access.ts";
import { accessOf } from "../principal.ts";
import { noteAct, noteActSeldom } from "../act-notes.ts";
import type { NotePorts } from "../act-notes.ts";
import { keyedId } from "../keyed-id.ts";
import { ownFirst, ownRunnerFirst } from "../owned-things.ts";
import type { OwningPorts } from "../owned-things.ts";
import type { Ports, SocketPorts } from "../ports.ts";

export interface RunnerRegistered {
	id: string;
	token: string;
	/** The work was done before, by an earlier call with the same key. */
	replayed: boolean;
}

export async function registerRunner(
	ports: Pick<Ports, "pool" | "poolShards" | "readModel" | "signToken"> & OwningPorts & NotePorts,
	caller: Caller,
	call: { owner: string; pool: string; request: RegisterRequest; key: string | null },
): Promise<Result<RunnerRegistered>> {
	const { owner, pool, request, key } = call;
	const may = mayAskOfOwner(caller, "registerRunner", owner);
	if (!may.ok) return may;
	const keyed = key === null ? null : keyedId("rn", { scope: `${owner}/${pool}`, key, body: request });
	const id = keyed?.id ?? `rn${randomUUID().replaceAll("-", "").slice(0, 20)}`;
	const runner: RunnerIdentity = {
		id,
		name: request.name,
		owner,
		pool,
		// By what the key alone decides: another request with the same key has to meet the first.
		shard: shardOf(keyed?.prefix ?? id, ports.poolShards),
		labels: [...new Set(request.labels ?? [])].sort(),
		capacity: request.capacity ?? 1,
		ephemeral: request.ephemeral ?? false,
		registeredBy: accessOf(caller.who)?.id ?? null,
	};
	const admitted = await ownFirst(ports, owner, { kind: "pool", name: pool });
	if (!admitted.ok) return admitted;
	const { os = "", arch = "", version = "" } = request;
	const counted = await admitRegistration(ports, caller, runner);
	if (!counted.ok) return counted;
	const registered = await ports.pool(runner).register({ ...runner, os, arch, version }, keyed?.prefix);
	if (!registered.ok) {
		await counted.value.takeBack();
		return registered;
	}
	ports.later(ports.readModel.addPool(owner, pool).catch(() => undefined));
	const { replayed } = registered.value;
	if (!replayed) noteRegistration(ports, caller, runner);
	return accept({ id, token: ports.signToken("runner", runner), replayed });
}

/**
 * [N210][V32] Counted before the pool takes the runner: a token never registers more than it may, whatever comes between. What the pool
 * refuses is taken back; where it does not answer, the same request again is the same runner.
 */
async function admitRegistration(
	ports: OwningPorts,
	{ who }: Caller,
	{ id: runner, owner, pool, shard }: RunnerIdentity,
): Promise<Result<{ takeBack: () => Promise<void> }>> {
	const { id: token, pools, uses, expiresAt: until } = accessOf(who) ?? {};
	if (pools && !pools.includes(pool)) return refuse({ code: "pools-limited", pools });
	// [N212] Whether it will open a session or only poll: when the token ends, its pool's shard hears of that.
	if (token !== undefined && !(await ports.owner(owner).opensSession({ token, pool, shard }))) {
		return refuse({ code: "token-ended" });
	}
	const owned = await ownRunnerFirst(ports, owner, { id: runner, pool, shard, token: token ?? null });
	if (!owned.ok) return owned;
	const { disown } = owned.value;
	if (token === undefined || uses === undefined) return accept({ takeBack: async () => disown() });
	const counted = await ports.owner(owner).countRegistration({ token, runner, uses, until: until ?? null });
	if (!counted.ok) {
		disown();
		return counted;
	}
	const takeBack = async () => {
		disown();
		await ports.owner(owner).uncountRegistration({ token, runner });
	};
	return accept({ takeBack });
}

function noteRegistration(ports: NotePorts, caller: Caller, { id, owner, pool, ...runner }: RunnerIdentity): void {
	const { name, labels, capacity, ephemeral } = runner;
	const details = { pool, name, labels, capacity, ephemeral };
	const act = { action: "runner-register", owner, subject: id, details } as const;
	// One-job runners come by the job: a row for each would outgrow the read model.
	if (ephemeral) noteActSeldom(ports, caller, { ...act, thing: pool });
	else noteAct(ports, caller, act);
}

/** The grant that there is, or that comes while the caller waits; null: none came. */
export async function acquireGrant(
	ports: Pick<Ports, "pool" | "waitForGrant">,
	runner: RunnerIdentity,
	{ waitSeconds, leases, unwell }: AcquireRequest,
): Promise<Result<Grant | null>> {
	const named = leases ?? null;
	const grant = known(await ports.pool(runner).acquire(runner, named, { unwell }));
	if (!grant.ok || grant.value !== null || waitSeconds === 0) return grant;
	return accept(await ports.waitForGrant({ runner, named }, waitSeconds * 1_000));
}

/** Renews the leases that the runner names, and says which of its jobs should stop. */
export async function heartbeat(
	ports: Pick<Ports, "pool">,
	runner: RunnerIdentity,
	{ leases, ...said }: HeartbeatRequest,
): Promise<Result<HeartbeatReply>> {
	return known(await ports.pool(runner).heartbeat(runner, leases, said));
}

/** [W63] The token that a session rests on may end while it is open: then the owner's object tells the pool. */
export async function openSession<Socket>(
	ports: Pick<Ports, "owner"> & Pick<SocketPorts<Socket>, "openSession">,
	runner: RunnerIdentity,
): Promise<Result<Socket>> {
	const { owner, pool, shard, registeredBy = null } = runner;
	if (registeredBy !== null) {
		const isGood = await ports.owner(owner).opensSession({ token: registeredBy, pool, shard });
		if (!isGood) return refuse({ code: "token-ended" });
	}
	return ports.openSession(runner);
}

/** What the pool answered, unless it does not know the runner, whose token is good. */
function known<T extends object | null>(answer: T | NotKnown): Result<T> {
	return typeof answer === "string" ? refuse({ code: answer }) : accept(answer);
}
