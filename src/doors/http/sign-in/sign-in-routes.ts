// How a browser signs in: away to an issuer and back, or by what Cloudflare Access sends along. Whatever goes wrong is a page for
// people and a problem for programs.
import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { accessHeader } from "../../../auth/issuers/access-issuer.ts";
import type { Issuer } from "../../../auth/issuers/issuers.ts";
import type { SignedIn, SignInRefusal } from "../../../auth/issuers/sign-in-refusal.ts";
import { errorWord } from "../../../auth/issuers/sign-in-refusal.ts";
import type { VerifiedPerson } from "../../../contracts/objects/verified-person.ts";
import { asOutage } from "../../../contracts/wire/outage.ts";
import { readReturnPath } from "../../../domain/text/return-path.ts";
import { signIn } from "../../../operations/people/sign-in.ts";
import { ProblemAnswer } from "../answer.ts";
import { addressOf } from "../auth.ts";
import type { ApiEnv } from "../context.ts";
import { document } from "../document/document.ts";
import { malformed } from "../requests/request.ts";
import { setSessionCookie } from "../session-cookie.ts";
import { forgetBegun, keepBegun, newBegun, readBegun } from "./begun-cookie.ts";
import { answerSmallPage, wantsPage } from "./page.ts";
import { publicAddress } from "../public-address.ts";
import * as problems from "./sign-in-problems.ts";

const returnWrong = "The address to come back to is no path of this server.";
const callbackPath = "/auth/callback";
/** Longer than any issuer's. */
const codePattern = /^[\x21-\x7e]{1,4096}$/;
const issuerList = z
	.object({ issuers: z.array(z.object({ name: z.string(), title: z.string() })) })
	.openapi("IssuerList");

document({
	id: "signIn",
	method: "get",
	path: "/auth/sign-in",
	summary: "Sign in: to the one issuer there is, to the one that is named, or to a page to choose from",
	query: { return: "a path of this server to go to afterwards, / unless told", issuer: "the issuer's name" },
	answers: { 200: issuerList, 302: "To the issuer; or, let in by what Cloudflare Access sent along, to `return`" },
});
document({
	id: "finishSignIn",
	method: "get",
	path: callbackPath,
	summary: "Where an issuer sends the browser back to; what else the issuer adds to the query is left alone",
	query: {
		code: "the issuer's code",
		state: "as the sign-in gave it to the issuer",
		iss: "the issuer, where it says so",
		error: "why there is no code",
	},
	answers: {
		200: "Signed in, with the session's cookie: for a browser a page that goes on to where the sign-in was to return to",
		302: "The same for whoever wants no page",
	},
});

export function addSignInRoutes(app: Hono<ApiEnv>): void {
	app.get("/auth/sign-in", (c) => orPage(c, () => answerSignIn(c)));
	app.get(callbackPath, (c) => orPage(c, () => answerCallback(c)));
}

async function answerSignIn(c: Context<ApiEnv>): Promise<Response> {
	const { issuers } = c.get("services");
	const returnPath = readReturnPath(c.req.query("return") ?? "/");
	if (returnPath === null) throw malformed(returnWrong, [{ path: "return", message: "is no path of this server" }]);
	const name = c.req.query("issuer");
	if (name === undefined && isList(c)) {
		return c.json({ issuers: issuers.all.map(({ name, title }) => ({ name, title })) });
	}
	if (issuers.all.length === 0) throw issuers.faults.length > 0 ? problems.issuersUnusable : problems.noIssuer;
	const issuer = name === undefined ? only(issuers.all) : issuers.find(name);
	if (issuer === undefined) return answerChoice(c, returnPath);
	if (issuer === null) throw problems.issuerUnknown;
	if (issuer.way === "header") {
		const assertion = c.req.header(accessHeader);
		if (assertion === undefined) throw problems.noAssertion;
		return letIn(c, { issuer: issuer.name, returnPath, person: await issuer.issuer.read(assertion) });
	}
	const begun = newBegun({ issuer: issuer.name, returnPath }, c.get("services").now());
	const address = await issuer.issuer.begin({ ...begun, redirectUri: redirectUri(c) });
	// Only now: one that could not begin leaves the one before it as it is.
	keepBegun(c, begun);
	return redirect(c, address);
}

async function answerCallback(c: Context<ApiEnv>): Promise<Response> {
	const { state, code, iss, error } = readCallback(c);
	const begun = readBegun(c, state);
	const issuer = begun && c.get("services").issuers.find(begun.issuer);
	if (begun === null || issuer === null || issuer.way !== "redirect") throw problems.notBegun;
	const person = await (async (): Promise<SignedIn<VerifiedPerson>> => {
		if (error !== null) return { ok: false, refusal: { code: "sign-in-denied", error: errorWord(error) } };
		if (!codePattern.test(code)) throw malformed("The issuer sent no code.", [{ path: "code", message: "is missing" }]);
		return issuer.issuer.finish({ ...begun, code, iss, redirectUri: redirectUri(c) });
	})();
	// Not before the issuer has answered: while it is away, the page may be loaded again.
	forgetBegun(c);
	return letIn(c, { issuer: issuer.name, returnPath: begun.returnPath, person });
}

/** Whoever is there now has a session, and a new one each time. */
async function letIn(
	c: Context<ApiEnv>,
	{ issuer, returnPath, person }: { issuer: string; returnPath: string; person: SignedIn<VerifiedPerson> },
): Promise<Response> {
	if (!person.ok) {
		report(c, issuer, person.refusal);
		throw problems.signInProblem(person.refusal);
	}
	setSessionCookie(c, await signIn(c.get("services"), person.value, { address: addressOf(c) }));
	// By its relation to this page, which stands two levels deep: no such address can name a host, and it holds behind any proxy.
	const onwards = `..${returnPath}`;
	if (!wantsPage(c)) return redirect(c, onwards);
	// The session's cookie is for this site's own pages, and a redirect from here would still count as the issuer's: a page begins anew.
	return answerSmallPage(c, { title: "Signed in", text: "", links: [{ href: onwards, text: "Go on" }], onwards });
}

/** Each parameter once: which of two was meant nobody knows. */
function readCallback(c: Context<ApiEnv>): { state: string; code: string; iss: string | null; error: string | null } {
	const doubled = ["state", "code", "iss", "error"].filter((name) => (c.req.queries(name) ?? []).length > 1);
	if (doubled.length > 0) {
		throw malformed(
			"The query is not as it should be.",
			doubled.map((path) => ({ path, message: "is there twice" })),
		);
	}
	const { state = "", code = "", iss = null, error = null } = c.req.query();
	return { state, code, iss, error };
}

/** What an operator may have to mend, or to know of. That somebody thought better of it is nobody's concern. */
function report(c: Context<ApiEnv>, issuer: string, refusal: SignInRefusal): void {
	const { code } = refusal;
	if (code === "sign-in-denied" || code === "code-refused") return;
	const why = code === "client-refused" ? refusal.error : code === "identity-invalid" ? refusal.why : null;
	c.get("services").report({ event: "sign-in-refused", requestId: c.get("requestId"), issuer, code, why });
}

function answerChoice(c: Context<ApiEnv>, returnPath: string): Response {
	const links = c.get("services").issuers.all.map(({ name, title }) => ({
		href: `?${new URLSearchParams({ issuer: name, return: returnPath })}`,
		text: title,
	}));
	return answerSmallPage(c, { title: "Sign in to Spillway", text: "With whom?", links });
}

/** A program asks which issuers there are; one that says nothing of what it takes follows redirects all the same. */
function isList(c: Context<ApiEnv>): boolean {
	if (wantsPage(c)) return false;
	return /\bapplication\/json\b/i.test(c.req.header("accept") ?? "") || c.get("services").issuers.all.length > 1;
}

/** Undefined where there are several. */
function only(issuers: readonly Issuer[]): Issuer | undefined {
	return issuers.length === 1 ? issuers[0] : undefined;
}

/** The same in both calls, as issuers compare it sign by sign. */
function redirectUri(c: Context<ApiEnv>): string {
	return `${publicAddress(c)}${callbackPath}`;
}

function redirect(c: Context<ApiEnv>, location: string): Response {
	return c.body(null, 302, { Location: location });
}

/** A problem as a page, where one is wanted. What is no outage and no refusal is a fault, for the app to log. */
async function orPage(c: Context<ApiEnv>, answer: () => Promise<Response>): Promise<Response> {
	try {
		return await answer();
	} catch (error) {
		const problem = problemOf(c, error);
		if (problem === null) throw error;
		if (!wantsPage(c)) throw new ProblemAnswer(problem);
		const { status, detail, retryAfterSeconds, headers = {} } = problem;
		const again = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
		const links = problem.code === "issuer-none" ? [] : [{ href: "sign-in", text: "Sign in" }];
		const page = { title: "Not signed in", text: detail, links };
		return answerSmallPage(c, page, { status, headers: { ...headers, ...again } });
	}
}

function problemOf(c: Context<ApiEnv>, error: unknown): ProblemAnswer["facts"] | null {
	if (error instanceof ProblemAnswer) return error.facts;
	const outage = asOutage(error);
	if (outage === null) return null;
	// With what the platform says of it, such as a name that does not resolve.
	const cause = outage.cause instanceof Error ? `${outage}: ${outage.cause.message}` : String(outage);
	c.get("services").report({ event: "outage", requestId: c.get("requestId"), trace: null, cause });
	return problems.issuerAway.facts;
}
