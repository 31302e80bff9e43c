// What this isolate knows of ended tokens and sessions, and the objects that it asks. One for each environment, as the objects are.
import { KnownEnds } from "../../src/auth/known-ends.ts";
import type { EndsPort } from "../../src/auth/known-ends.ts";
import type { SessionStanding } from "../../src/contracts/objects/person.ts";
import type { Ends, Sessions } from "../../src/operations/ports.ts";
import type { SessionName } from "../../src/operations/principal.ts";
import type { Env } from "../env.ts";
import { ownerCalls, personCalls } from "../bindings/stubs.ts";

type Later = (work: Promise<unknown>) => void;
type Said = Omit<SessionStanding, "ended">;

const knownTokens = new WeakMap<Env, KnownEnds<null>>();
const knownSessions = new WeakMap<Env, KnownEnds<Said>>();

export function endsOf(env: Env, later: Later): Ends {
	const ends = knownTokens.get(env) ?? new KnownEnds(() => Date.now());
	knownTokens.set(env, ends);
	const port: EndsPort<null> = {
		async ask(owner, tokens) {
			const ended = await ownerCalls(env, owner).ended(tokens);
			return ended && { ended, said: null };
		},
		later,
	};
	return {
		learn: (name) => ends.learn(name, port),
		standing: (name) => ends.standing(name),
		note: (name) => ends.note(name),
	};
}

export function sessionsOf(env: Env, later: Later): Sessions {
	const ends = knownSessions.get(env) ?? new KnownEnds<Said>(() => Date.now());
	knownSessions.set(env, ends);
	const port: EndsPort<Said> = {
		async ask(holder, sessions) {
			const { ended, ...said } = await personCalls(env, holder).standing(sessions);
			return { ended, said };
		},
		later,
	};
	const named = ({ holder, session }: SessionName) => ({ owner: holder, token: session });
	return {
		learn: (name) => ends.learn(named(name), port),
		standing(name) {
			const standing = ends.standing(named(name));
			return standing === "good" ? (ends.said(name.holder) ?? "unknown") : standing;
		},
		note: (name) => ends.note(named(name)),
	};
}
