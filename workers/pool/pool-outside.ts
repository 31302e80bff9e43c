// What a pool's engine calls on this platform: objects over RPC, the operator's switches, the signing key.
import { parseKeys, signToken } from "../../src/auth/token.ts";
import type { PoolOutside } from "../../src/engine/pool/pool-ports.ts";
import type { Env } from "../env.ts";
import { logCalls, poolCalls, repoCalls } from "../bindings/stubs.ts";
import { switchesNow } from "../switches/switches.ts";

export function poolOutside(env: Env): PoolOutside {
	return {
		repo: (name) => repoCalls(env, name),
		shard: (name) => poolCalls(env, name),
		log: (name) => logCalls(env, name),
		mayDispatch: () => switchesNow(env).dispatch,
		signLease: (lease) => signToken(parseKeys(env.SPILLWAY_SIGNING_KEYS), "lease", lease),
	};
}
