// What an owner's engine calls on this platform: the read model, and the shards of the owner's pools.
import type { OwnerOutside } from "../../src/engine/owner/owner-ports.ts";
import { listRepositoryNames, listTokenRecords } from "../../src/store/rebuild.ts";
import { selectPools } from "../../src/store/runs.ts";
import { listRevoked, markTokensRevoked } from "../../src/store/tokens.ts";
import type { Env } from "../env.ts";
import { database } from "../bindings/read-model.ts";
import { sealerOf } from "../bindings/sealing.ts";
import { personCalls, poolCalls } from "../bindings/stubs.ts";

/** `env` is asked for at each call: a test may put another far end before the object's own. */
export function ownerOutside(env: () => Env, later: OwnerOutside["later"]): OwnerOutside {
	return {
		rows: {
			revoked: (call) => listRevoked(database(env()), call),
			markRevoked: (ends) => markTokensRevoked(database(env()), ends),
			repositoryNames: (call) => listRepositoryNames(database(env()), call),
			poolNames: async ({ after, ...call }) => (await selectPools(database(env()), { ...call, cursor: after })).items,
			tokens: (call) => listTokenRecords(database(env()), call),
		},
		pool: (name) => poolCalls(env(), name),
		person: (member) => personCalls(env(), member),
		sealer: sealerOf(() => env().SPILLWAY_SEALING_KEYS),
		later,
	};
}
