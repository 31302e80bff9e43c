// Signing in at `npm start`'s server, through issuers on this machine: the ways that lead in, and what an attacker tries instead.
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { get } from "node:http";
import type { IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { startServer } from "../scripts/child.ts";
import type { Child, Ready } from "../scripts/child.ts";
import { LocalAccess } from "../src/testing/issuers/local-access.ts";
import { githubClient, LocalGithub } from "../src/testing/issuers/local-github.ts";
import { localClient, LocalOidc } from "../src/testing/issuers/local-oidc.ts";
import { Browser } from "./fixture-browser.ts";
import type { Visited } from "./fixture-browser.ts";

const audience = "aud-of-this-application";
const callback = /\/auth\/callback\?/;

let folder: string;
let acme: LocalOidc;
let other: LocalOidc;
let github: LocalGithub;
let access: LocalAccess;
let child: Child;
let ready: Ready;
let browser: Browser;
/** All of it, of which `complaint` keeps the end. */
let printed = "";
beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-sign-in-"));
	[acme, other, github, access] = await Promise.all([
		LocalOidc.open(),
		LocalOidc.open(),
		LocalGithub.open(),
		LocalAccess.open(),
	]);
	const issuers = [
		{ ...acme.settings("acme"), title: 'Acme <"&>' },
		other.settings("other"),
		github.settings("github"),
		access.settings("access", audience),
		{ name: "away", kind: "oidc", url: "http://127.0.0.1:1", clientId: "c" },
		{ name: "wrong", kind: "oidc", url: "http://issuer.example", clientId: "c" },
	];
	const secrets = { acme: localClient.secret, other: localClient.secret, github: githubClient.secret };
	({ child, ready } = await startServer(join(folder, "data"), {
		environment: { SPILLWAY_ISSUERS: JSON.stringify(issuers), SPILLWAY_ISSUER_SECRETS: JSON.stringify(secrets) },
	}));
	printed = child.complaint;
	child.process.stderr?.on("data", (text: string) => {
		printed += text;
	});
});
afterAll(async () => {
	await child?.stop();
	await Promise.all([acme, other, github, access].map((one) => one?.close()));
	await rm(folder, { recursive: true });
});
beforeEach(() => {
	browser = new Browser();
	acme.twist = {};
	acme.server.faults.clear();
});

const signIn = (issuer: string, more = "") => `${ready.url}/auth/sign-in?issuer=${issuer}${more}`;

/** `403 identity-invalid`, as a program is told. */
async function refusal(url: string, headers: Record<string, string> = {}): Promise<string> {
	const { response, text } = await browser.ask(url, { headers: { accept: "application/json", ...headers } });
	if (response.status < 400) return String(response.status);
	expect(response.headers.get("content-type")).toBe("application/problem+json");
	return `${response.status} ${(JSON.parse(text) as { code: string }).code}`;
}

function expectPage({ response, text }: Visited, status: number): void {
	expect(response.status).toBe(status);
	expect(response.headers.get("content-type")).toBe("text/html; charset=utf-8");
	expect(response.headers.get("content-security-policy")).toMatch(/^default-src 'none';.* frame-ancestors 'none'$/);
	expect(response.headers.get("cache-control")).toBe("no-store");
	expect(response.headers.get("referrer-policy")).toBe("no-referrer");
	expect(text).not.toMatch(/<script|<style|\son\w+=|style=/i);
}

/** A page that goes on by itself: a redirect would still be the issuer's, and the session's cookie is for this site's own pages. */
function expectSignedIn(visited: Visited): void {
	expectPage(visited, 200);
	expect(visited.text).toContain("<title>Signed in</title>");
}

interface Shown {
	name: string;
	kind: string;
	owners: { owner: string; role: string }[];
	expiresAt: string;
}

/** Null: nobody is signed in. */
async function session(of = browser): Promise<Shown | null> {
	const { response, text } = await of.ask(`${ready.url}/v1/session`, { headers: { accept: "application/json" } });
	return response.status === 200 ? JSON.parse(text) : null;
}

const sessionCookie = (of = browser) => of.cookie("spillway_session")?.value;

it("[A100] a person signs in, is at the page that was meant, acts, and signs out", async () => {
	acme.person = { sub: "ada-1", preferred_username: "ada", email: "ada@acme.example", email_verified: true };
	const operator = { authorization: `Bearer ${ready.operatorToken}`, "content-type": "application/json" };
	await fetch(`${ready.url}/v1/repos/acme/web`, { method: "PUT", headers: operator, body: "{}" });
	const member = `${ready.url}/v1/owners/acme/members/ada@acme.example`;
	const invited = await fetch(member, { method: "PUT", headers: operator, body: '{"role":"developer"}' });
	expect(invited.ok).toBe(true);
	expect(await session()).toBe(null);
	const end = await browser.go(signIn("acme", "&return=/v1/session"));
	expect([end.url, end.response.status]).toEqual([`${ready.url}/v1/session`, 200]);
	expect(await session()).toMatchObject({ owners: [{ owner: "acme", role: "developer" }] });
	const body = JSON.stringify({ jobs: [{ key: "test", run: "true" }] });
	const headers = { "content-type": "application/json", "spillway-request": "1" };
	const started = await browser.ask(`${ready.url}/v1/repos/acme/web/runs`, { method: "POST", headers, body });
	expect(started.response.status).toBe(201);
	const out = await browser.ask(`${ready.url}/v1/session`, { method: "DELETE", headers: { "spillway-request": "1" } });
	expect(out.response.status).toBe(204);
	expect(await session()).toBe(null);
});

it("[A112] who is a member nowhere is signed in, and sees no owner", async () => {
	acme.person = { sub: "nobody-1" };
	await browser.go(signIn("acme"));
	expect(await session()).toMatchObject({ owners: [] });
});

it("[A112] the same subject and login at two issuers are two persons", async () => {
	acme.person = { sub: "583231", preferred_username: "same" };
	other.person = { sub: "583231", preferred_username: "same", email: "ada@acme.example", email_verified: false };
	github.user = { id: 583_231, login: "same", emails: [] };
	const operator = { authorization: `Bearer ${ready.operatorToken}`, "content-type": "application/json" };
	const member = `${ready.url}/v1/owners/acme/members/acme:same`;
	expect((await fetch(member, { method: "PUT", headers: operator, body: '{"role":"viewer"}' })).ok).toBe(true);
	for (const [issuer, owners] of [
		["other", []],
		["github", []],
		["acme", [{ owner: "acme", role: "viewer" }]],
		["other", []],
		["github", []],
	] as const) {
		const own = new Browser();
		await own.go(signIn(issuer));
		expect([issuer, (await session(own))?.owners]).toEqual([issuer, owners]);
	}
});

it("[A112] each sign-in is a new session, whatever cookie the browser came with", async () => {
	const host = new URL(ready.url).hostname;
	browser.plant(host, "spillway_session", "planted");
	await browser.go(signIn("github"));
	const first = sessionCookie();
	await browser.go(signIn("github"));
	const second = sessionCookie();
	expect(new Set(["planted", undefined, first, second]).size).toBe(4);
});

it("[A110] with several issuers a page lets choose, without script, and keeps where to come back to", async () => {
	const page = await browser.ask(`${ready.url}/auth/sign-in?return=/a%26b`);
	expectPage(page, 200);
	expect(page.text).toContain(">Acme &#60;&#34;&#38;&#62;</a>");
	const links = [...page.text.matchAll(/href="([^"]+)"/g)].map(([, href = ""]) => href.replaceAll("&#38;", "&"));
	expect(links.map((href) => new URLSearchParams(href.slice(1)).get("issuer"))).toEqual([
		"acme",
		"other",
		"github",
		"access",
		"away",
	]);
	const end = await browser.go(new URL(links[2] ?? "", page.url).href);
	expect(end.url).toBe(`${ready.url}/a&b`);
	const list = await browser.ask(`${ready.url}/auth/sign-in`, { headers: { accept: "application/json" } });
	expect(JSON.parse(list.text).issuers[1]).toEqual({ name: "other", title: "other" });
	expect(await refusal(signIn("nobody"))).toBe("404 issuer-unknown");
});

it("[A101] to no other host, whatever `return` says, and with no header of its own", async () => {
	for (const evil of [
		"//evil.example",
		"/\\evil.example",
		"https://evil.example",
		"/.//evil.example",
		"/auth/sign-in",
	]) {
		const page = await browser.ask(signIn("github", `&return=${encodeURIComponent(evil)}`));
		expectPage(page, 400);
		expect(page.response.headers.get("location")).toBe(null);
	}
	const split = await browser.ask(signIn("github", "&return=/a%0d%0aSet-Cookie:%20evil=1"));
	expectPage(split, 400);
	expect(split.response.headers.getSetCookie()).toEqual([]);
	const { visited } = browser;
	await browser.go(signIn("github", "&return=/x//evil.example"));
	expect(new URL(visited.at(-1) ?? "").origin).toBe(ready.url);
});

it("[A102] the callback wants the very browser that began, and the very sign-in", async () => {
	const stranger = new Browser();
	const { url } = await stranger.go(signIn("acme"), { until: callback });
	const before = acme.server.count("/token");
	// Another's callback, in a browser that began nothing, and in one that began a sign-in of its own.
	expect(await refusal(url)).toBe("400 sign-in-not-begun");
	await browser.go(signIn("acme"), { until: callback });
	expect(await refusal(url)).toBe("400 sign-in-not-begun");
	expectPage(await browser.ask(url), 400);
	expect(sessionCookie()).toBe(undefined);
	expect(acme.server.count("/token")).toBe(before);
	// A cookie that somebody wrote, or changed.
	const kept = stranger.cookie("spillway-sign-in")?.value ?? "";
	const host = new URL(ready.url).hostname;
	for (const forged of ["", "spw_begun_e30_00", `${kept.slice(0, -1)}x`, kept.replace("spw_begun_", "spw_ticket_")]) {
		browser.plant(host, "spillway-sign-in", forged);
		expect(await refusal(url)).toBe("400 sign-in-not-begun");
	}
	expectSignedIn(await stranger.ask(url));
});

it("[A102] the cookie of a sign-in is for no script, no other site, and ten minutes", async () => {
	await browser.go(signIn("acme"), { until: callback });
	expect(browser.cookie("spillway-sign-in")?.attributes).toBe("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax");
	const [cookie] = await cookiesAs("ci.example", signIn("acme"));
	expect(cookie).toMatch(/^__Host-spillway-sign-in=.*; Max-Age=600; Path=\/; HttpOnly; Secure; SameSite=Lax$/);
});

it("[A116] a callback works once", async () => {
	const { url } = await browser.go(signIn("acme"), { until: callback });
	const kept = browser.cookie("spillway-sign-in")?.value ?? "";
	expectSignedIn(await browser.ask(url));
	expect(await refusal(url)).toBe("400 sign-in-not-begun");
	// Not even in a browser that put its cookie back.
	browser.plant(new URL(ready.url).hostname, "spillway-sign-in", kept);
	expect(await refusal(url)).toBe("400 code-refused");
});

it("[A113] what comes back from one issuer is no answer of another", async () => {
	const { url } = await browser.go(signIn("acme"), { until: callback });
	const stranger = new Browser();
	const foreign = new URL((await stranger.go(signIn("other"), { until: callback })).url);
	const mixed = new URL(url);
	mixed.searchParams.set("code", foreign.searchParams.get("code") ?? "");
	mixed.searchParams.set("iss", foreign.searchParams.get("iss") ?? "");
	const before = acme.server.count("/token");
	expect(await refusal(mixed.href)).toBe("403 issuer-mixed");
	expect(acme.server.count("/token")).toBe(before);
	expect(sessionCookie()).toBe(undefined);
});

it("[A103] [A111] what an issuer says that does not hold lets nobody in: a page for people, a problem for programs, a line for the log", async () => {
	acme.twist = { claims: { nonce: "of another" } };
	expectPage(await browser.go(signIn("acme")), 403);
	const { url } = await browser.go(signIn("acme"), { until: callback });
	expect(await refusal(url)).toBe("403 identity-invalid");
	expect(sessionCookie()).toBe(undefined);
	expect(printed).toMatch(/"event":"sign-in-refused",.*"issuer":"acme","code":"identity-invalid","why":"nonce"/);
});

it("[A111] an issuer that says no, and a callback that says nothing, are told as they are", async () => {
	const { url } = await browser.go(signIn("acme"), { until: callback });
	const state = new URL(url).searchParams.get("state");
	const back = (query: string) => `${ready.url}/auth/callback?state=${state}${query}`;
	expect(await refusal(back(""))).toBe("400 malformed");
	expect(await refusal(back("&code=a&code=b"))).toBe("400 malformed");
	expect(await refusal(back(`&code=${"a".repeat(5_000)}`))).toBe("400 malformed");
	const denied = await browser.ask(back("&error=access_denied<b>&error_description=<script>alert(1)</script>"));
	expectPage(denied, 403);
	expect(denied.text).not.toContain("<b>");
});

it("[A107] an issuer that is away is told in time, and the callback may be loaded again", async () => {
	const { url } = await browser.go(signIn("acme"), { until: callback });
	acme.server.faults.set("/token", { status: 503 });
	const away = await browser.ask(url);
	expectPage(away, 503);
	expect(away.response.headers.get("retry-after")).toBe("5");
	expect(await refusal(url)).toBe("503 issuer-away");
	acme.server.faults.clear();
	expectSignedIn(await browser.ask(url));
	expect(printed).not.toMatch(/"event":"fault"/);
});

it("[A107] a sign-in that cannot begin leaves the one before it in its browser as it is", async () => {
	const { url } = await browser.go(signIn("acme"), { until: callback });
	const page = await browser.ask(signIn("away"));
	expectPage(page, 503);
	expect(page.response.headers.getSetCookie()).toEqual([]);
	expectSignedIn(await browser.ask(url));
});

it("[A106] what Access sends along signs in where it is asked, for this application alone, and nowhere else", async () => {
	const ada = { sub: "0d5a", email: "access@acme.example" };
	const header = async (claims: object) => ({
		"cf-access-jwt-assertion": await access.assertion({ ...ada, ...claims }),
	});
	expect(await refusal(signIn("access"))).toBe("403 assertion-missing");
	expect(await refusal(signIn("access"), await header({ aud: ["of-another"] }))).toBe("403 identity-invalid");
	const good = await header({ aud: [audience] });
	// No other path, and no other issuer, looks at it.
	expect((await fetch(`${ready.url}/v1/session`, { headers: good })).status).toBe(401);
	expect((await fetch(`${ready.url}/v1/repos?owner=acme`, { headers: good })).status).toBe(401);
	const program = await fetch(signIn("access", "&return=/v1/session"), { headers: good, redirect: "manual" });
	expect([program.status, program.headers.get("location")]).toEqual([302, "../v1/session"]);
	expectSignedIn(await browser.ask(signIn("access"), { headers: good }));
	expect(await session()).toMatchObject({ owners: [] });
});

it("[A109] [A114] a wrong issuer is named for the operator, and the others work", async () => {
	const fault = "the issuer wrong: url: must be an https address without ? and #";
	expect(printed).toContain(`{"event":"issuers-misconfigured","faults":["${fault}"]}`);
	expect(await readiness({ authorization: `Bearer ${ready.operatorToken}` })).toContain(fault);
	const forAnybody = await readiness({});
	expect(forAnybody).toContain('"sign-in":{"status":"degraded"');
	expect(forAnybody).not.toContain("issuer.example");
	expect(forAnybody).not.toContain(fault);
	expect(await refusal(signIn("wrong"))).toBe("404 issuer-unknown");
});

/** As it is called through a proxy; `fetch` lets nobody say another host. */
async function cookiesAs(host: string, url: string): Promise<string[]> {
	const [answer] = (await once(get(url, { headers: { host } }), "response")) as [IncomingMessage];
	answer.resume();
	return answer.headers["set-cookie"] ?? [];
}

async function readiness(headers: Record<string, string>): Promise<string> {
	return (await fetch(`${ready.url}/readyz`, { headers })).text();
}

it("[A107] no secret and no code is in what the server printed", () => {
	for (const secret of [localClient.secret, githubClient.secret]) expect(printed).not.toContain(secret);
	expect(printed).not.toMatch(/eyJ|gho_|code=/);
});
