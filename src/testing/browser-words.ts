// What is missing of the words that every answer has for a browser, as a list for a test to compare with none.
import { answerHeaders, pageHeaders } from "../contracts/wire/headers/answer-headers.ts";

/** Answers that a cache may keep, by the first words of their `Cache-Control`; any other is kept by nobody. */
const mayBeKept = /^(?:no-store$|private, max-age=86400, immutable$|public, max-age=)/;

/** `isPublic`: a cache that many share may keep the answer, since it says the same to everybody. */
export function missingWords(headers: Headers, { isPublic = false } = {}): string[] {
	const policy = headers.get("content-security-policy");
	const isPage = policy === pageHeaders["Content-Security-Policy"] || isSmallPage(policy ?? "");
	const kept = headers.get("cache-control") ?? "nothing";
	const isHtml = /html|svg|xml/.test(headers.get("content-type") ?? "");
	const wrong = {
		"a body's type may be guessed": headers.get("x-content-type-options") !== "nosniff",
		[`the policy is ${policy}`]: !isPage && policy !== answerHeaders["Content-Security-Policy"],
		"a page, and not by the policy of pages": isHtml && !isPage,
		"the address goes to others": !/^(?:no-referrer|same-origin)$/.test(headers.get("referrer-policy") ?? ""),
		"other sites may load it": !/^(?:same|cross)-origin$/.test(headers.get("cross-origin-resource-policy") ?? ""),
		"no browser opens what has both": !isPage && headers.has("cross-origin-opener-policy"),
		[`caches are told ${kept}`]: !mayBeKept.test(kept) || (kept.startsWith("public") && !isPublic),
		"kept for whoever comes next":
			kept.startsWith("private") && !/authorization, cookie/i.test(headers.get("vary") ?? ""),
		"pages of others may read it": [...headers.keys()].some((name) => name.startsWith("access-control-")),
	};
	return Object.entries(wrong).flatMap(([words, is]) => (is ? [words] : []));
}

/** A page without script and style needs less than `pageHeaders` give, and may not have more. */
function isSmallPage(policy: string): boolean {
	return /^default-src 'none'; (?:(?:base-uri|form-action) '(?:none|self)'; )*frame-ancestors 'none'$/.test(policy);
}
