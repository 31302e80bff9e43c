// What the tests of people share: somebody who signs in as an issuer would hand that one in, and calls as a browser makes them.
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Member } from "../../src/contracts/http/member.ts";
import type { VerifiedPerson } from "../../src/contracts/objects/verified-person.ts";
import { personIdOf } from "../../src/operations/people/person-id.ts";
import { signIn } from "../../src/operations/people/sign-in.ts";
import type { Env } from "../env.ts";
import { wire } from "../wire.ts";
import type { Answer, Call } from "./api-fixture.ts";
import { fetchRaw, origin, send } from "./api-fixture.ts";

let made = 0;

export function somebody(rest: Partial<VerifiedPerson> = {}): VerifiedPerson {
	const login = `ada-${++made}`;
	return { issuer: "github", subject: `s${made}`, login, email: `${login}@example.com`, name: "Ada", ...rest };
}

/** As the Worker's environment, with another part here or there. */
export function servicesOf(parts: Partial<Env> = {}) {
	return wire({ ...(env as unknown as Env), ...parts }, (work) => void work.catch(() => undefined));
}

/** The cookie of a person who just signed in. */
export async function signedIn(person: VerifiedPerson): Promise<string> {
	const { cookie } = await signIn(servicesOf(), person, { address: "192.0.2.1" });
	return `spillway_session=${cookie}`;
}

/** As a page of this server's own sends it. */
export function browse<T = unknown>(method: string, path: string, cookie: string, call: Call = {}): Promise<Answer<T>> {
	const headers = { cookie, origin, "spillway-request": "1", ...call.headers };
	return send<T>(method, path, { ...call, token: null, headers });
}

export async function invite(owner: string, member: string, role: string, call: Call & { repos?: string[] } = {}) {
	const { repos, ...rest } = call;
	const body = { role, ...(repos === undefined ? {} : { repos }) };
	const path = `/v1/owners/${owner}/members/${encodeURIComponent(member)}`;
	return send<Member>("PUT", path, { ...rest, body });
}

/** Signed in as a member with that role. */
export async function aMember(owner: string, role: string, call: { repos?: string[] } = {}) {
	const person = somebody();
	expect((await invite(owner, person.email ?? "", role, call)).status).toBe(200);
	const cookie = await signedIn(person);
	return { person, id: personIdOf(person), cookie };
}

/** The cookie that a token opens, as the browser sends it back. */
export async function openedBy(token: string): Promise<string> {
	const answer = await fetchRaw("POST", "/v1/session", { token: null, body: { token } });
	expect(answer.status).toBe(204);
	return (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
}
