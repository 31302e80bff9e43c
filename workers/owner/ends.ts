// What this isolate knows of ended tokens, and the objects that it asks. One for each environment, as the objects are.
import { KnownEnds } from "../../src/auth/known-ends.ts";
import type { EndsPort } from "../../src/auth/known-ends.ts";
import type { Ends } from "../../src/operations/ports.ts";
import type { Env } from "../env.ts";
import { ownerCalls } from "../bindings/stubs.ts";

const known = new WeakMap<Env, KnownEnds>();

export function endsOf(env: Env, later: (work: Promise<unknown>) => void): Ends {
	const ends = known.get(env) ?? new KnownEnds(() => Date.now());
	known.set(env, ends);
	const port: EndsPort = { ask: (owner, tokens) => ownerCalls(env, owner).ended(tokens), later };
	return {
		learn: (name) => ends.learn(name, port),
		standing: (name) => ends.standing(name),
		note: (name) => ends.note(name),
	};
}
