// Callers of the matrix that come by a browser's cookie: people with each role, at one owner or at two, and sessions that a token
// opened; and cookies that are good for nothing, or that another page sends.
import type { Role } from "../../../src/domain/role.ts";
import { roles } from "../../../src/domain/role.ts";
import { scope } from "../../../src/contracts/http/token.ts";
import { aToken, fetchRaw, makeToken, operator, origin } from "../api-fixture.ts";
import { aMember, invite, openedBy, signedIn, somebody } from "../people-fixture.ts";
import type { Facts, MembershipFacts } from "./matrix-expected.ts";
import type { CallerInMatrix } from "./matrix-scene.ts";

const own = { origin, "spillway-request": "1" };

function byCookie(name: string, facts: Facts, cookie: string, headers: Record<string, string> = own): CallerInMatrix {
	return { name, facts, bring: async () => ({ headers: { ...headers, cookie } }) };
}

export async function cookieCallersOf(ada: string, eve: string): Promise<CallerInMatrix[]> {
	return [...(await peopleOf(ada, eve)), ...(await openedByTokens(ada)), ...(await uselessCookies(ada))];
}

async function peopleOf(ada: string, eve: string): Promise<CallerInMatrix[]> {
	const people: CallerInMatrix[] = [];
	for (const role of roles) {
		for (const repos of [null, ["web"]]) {
			const { cookie } = await aMember(ada, role, repos === null ? {} : { repos });
			const some = repos === null ? "" : " for one repository";
			people.push(byCookie(`a member with the role ${role}${some}`, facts([ada, { role, repos }]), cookie));
		}
	}
	const both = somebody();
	const atBoth: [string, Role][] = [
		[ada, "viewer"],
		[eve, "owner"],
	];
	for (const [owner, role] of atBoth) await invite(owner, both.email ?? "", role);
	const memberships = atBoth.map(([owner, role]): [string, MembershipFacts] => [owner, { role, repos: null }]);
	people.push(byCookie("a viewer here and owner there", facts(...memberships), await signedIn(both)));
	people.push(byCookie("a person who is no member", facts(), await signedIn(somebody())));
	const gone = await aMember(ada, "owner");
	await fetchRaw("DELETE", `/v1/owners/${ada}/members/${gone.id}`);
	people.push(byCookie("a member who was removed", facts(), gone.cookie));
	return people;
}

function facts(...memberships: [string, MembershipFacts][]): Facts {
	return { kind: "session", memberships: new Map(memberships) };
}

/** Each may what the token may, but for a ticket. */
async function openedByTokens(owner: string): Promise<CallerInMatrix[]> {
	const scopes = scope.options;
	const repos = ["web"];
	const limited = await aToken(owner, scopes, { repos });
	const reader = await aToken(owner, ["read"]);
	const by = { kind: "access", owner, isSession: true } as const;
	return [
		byCookie("a session that the operator opened", { kind: "operator", isSession: true }, await openedBy(operator)),
		byCookie("a session of a reading token", { ...by, scopes: ["read"], repos: null }, await openedBy(reader)),
		byCookie("a session of a token for one repository", { ...by, scopes, repos }, await openedBy(limited)),
	];
}

async function uselessCookies(owner: string): Promise<CallerInMatrix[]> {
	const ended = (await aMember(owner, "owner")).cookie;
	await fetchRaw("DELETE", "/v1/session", { token: null, headers: { ...own, cookie: ended } });
	const revoked = await makeToken(owner, scope.options);
	const opened = await openedBy(revoked.token);
	await fetchRaw("DELETE", `/v1/tokens/${revoked.id}`);
	const { cookie } = await aMember(owner, "owner");
	const memberships = new Map([[owner, { role: "owner", repos: null } as const]]);
	const flipped = cookie.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
	return [
		byCookie("a session that has ended", { kind: "nobody" }, ended),
		byCookie("a session of a revoked token", { kind: "nobody" }, opened),
		byCookie("a session with another MAC", { kind: "nobody" }, flipped),
		byCookie("another page with an owner's cookie", { kind: "session", memberships, sent: "by-another-page" }, cookie, {
			...own,
			origin: "https://elsewhere.example",
		}),
		byCookie("a form with an owner's cookie", { kind: "session", memberships, sent: "without-header" }, cookie, {
			origin,
		}),
	];
}
