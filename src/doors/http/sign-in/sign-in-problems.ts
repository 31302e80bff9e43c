// What somebody is told whose sign-in came to nothing: what it was, and what helps.
import type { SignInRefusal } from "../../../auth/issuers/sign-in-refusal.ts";
import { ProblemAnswer } from "../answer.ts";

/** Somebody has to change the settings first. */
const operatorRetryAfterSeconds = 60;
const awayRetryAfterSeconds = 5;

export const notBegun = new ProblemAnswer({
	status: 400,
	code: "sign-in-not-begun",
	detail:
		"This sign-in was not begun in this browser, or more than ten minutes ago, or another one after it. Begin again.",
	errors: [{ path: "state", message: "is not that of the sign-in that this browser began" }],
});

export const noIssuer = new ProblemAnswer({
	status: 404,
	code: "issuer-none",
	detail:
		"No issuer is set up, so nobody can sign in by name. Whoever runs this server sets SPILLWAY_ISSUERS (docs/sign-in.md). " +
		"The operator's token opens a session without one.",
});

export const issuerUnknown = new ProblemAnswer({
	status: 404,
	code: "issuer-unknown",
	detail: "No issuer of this name is set up here.",
});

export const issuersUnusable = new ProblemAnswer({
	status: 503,
	code: "issuers-misconfigured",
	detail:
		"The settings of the issuers cannot be used. Whoever runs this server finds the reason at /readyz and in its log.",
	retryAfterSeconds: operatorRetryAfterSeconds,
});

export const noAssertion = new ProblemAnswer({
	status: 403,
	code: "assertion-missing",
	detail: "Cloudflare Access sent nothing along: it does not stand before this address, or lets it pass.",
});

export const issuerAway = new ProblemAnswer({
	status: 503,
	code: "issuer-away",
	detail: "The issuer, or a part of this server, did not answer in time. Load this page again in some seconds.",
	retryAfterSeconds: awayRetryAfterSeconds,
});

export function signInProblem(refusal: SignInRefusal): ProblemAnswer {
	const { code } = refusal;
	switch (code) {
		case "sign-in-denied":
			return new ProblemAnswer({ status: 403, code, detail: `The issuer let nobody in: ${refusal.error}.` });
		case "code-refused":
			return new ProblemAnswer({
				status: 400,
				code,
				detail: "The issuer does not take this code: it was used before, or is too old. Begin again.",
				errors: [{ path: "code", message: "is not taken by the issuer" }],
			});
		case "client-refused":
			return new ProblemAnswer({
				status: 503,
				code,
				detail: `The issuer does not take this server for the client that it claims to be: ${refusal.error}. Tell whoever runs it.`,
				retryAfterSeconds: operatorRetryAfterSeconds,
			});
		case "issuer-mixed":
			return new ProblemAnswer({
				status: 403,
				code,
				detail: "The answer is not of the issuer that was asked. Begin again.",
			});
		case "identity-invalid":
			return new ProblemAnswer({
				status: 403,
				code,
				detail: "What the issuer said of you does not hold; it was logged.",
			});
	}
}
