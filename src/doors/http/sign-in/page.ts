// The few pages that the server writes itself, for somebody who signs in: small, without script or style, and with nothing loaded.
import type { Context } from "hono";
import type { ProblemFacts } from "../../../contracts/wire/problem-facts.ts";
import type { ApiEnv } from "../context.ts";

/** What every answer has beside these is `answerHeaders`'; its policy would sandbox the page, whose links then lead nowhere. */
const headersOfPage = {
	"Content-Type": "text/html; charset=utf-8",
	"Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** Whether a page is wanted: a browser says so, and whoever calls an API does not. */
export function wantsPage(c: Context<ApiEnv>): boolean {
	return /\btext\/html\b/i.test(c.req.header("accept") ?? "");
}

interface SmallPage {
	title: string;
	text: string;
	/** Where one may go from here, each as it stands in the page's own address. */
	links: { href: string; text: string }[];
	/** Where the page goes by itself, at once. */
	onwards?: string;
}

export function answerSmallPage(
	c: Context<ApiEnv>,
	{ title, text, links, onwards }: SmallPage,
	{ status = 200, headers = {} }: { status?: ProblemFacts["status"] | 200; headers?: Record<string, string> } = {},
): Response {
	const items = links.map((link) => `<li><a href="${escapeHtml(link.href)}">${escapeHtml(link.text)}</a></li>`);
	const html = [
		'<!doctype html><html lang="en"><head><meta charset="utf-8">',
		'<meta name="viewport" content="width=device-width,initial-scale=1">',
		'<meta name="color-scheme" content="light dark">',
		onwards === undefined ? "" : `<meta http-equiv="refresh" content="0;url=${escapeHtml(onwards)}">`,
		`<title>${escapeHtml(title)}</title></head><body><h1>${escapeHtml(title)}</h1>`,
		`<p>${escapeHtml(text)}</p><ul>${items.join("")}</ul>`,
		status === 200 ? "" : `<p><small>Request ${escapeHtml(c.get("requestId"))}</small></p>`,
		"</body></html>\n",
	].join("\n");
	return c.body(html, status, { ...headers, ...headersOfPage });
}

function escapeHtml(text: string): string {
	return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
