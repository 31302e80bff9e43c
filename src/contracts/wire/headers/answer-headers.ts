// What every answer tells a browser that comes upon it. Whoever reads the API by a program passes over these; they are for the
// person who opens a link to a log in a browser, and for the page of a stranger that points at one.

/**
 * [A151] On each answer that does not bring its own, the one-machine server's refusals included. The policy makes of whatever is
 * shown a document without script, style, form, frame or origin: a log is what a stranger's job printed. There is no
 * `Cross-Origin-Opener-Policy` beside it: browsers refuse to open a document that has both that and `sandbox`, and no one could
 * look at a raw log any more.
 */
export const answerHeaders = {
	"X-Content-Type-Options": "nosniff",
	"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
	"Referrer-Policy": "no-referrer",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Cache-Control": "no-store",
} as const;

/**
 * [A152] For HTML pages of this project's own, and for nothing that says what a caller or a job wrote: scripts and styles from
 * files of ours alone, none within the page, and no frame around it. `same-origin`, as with `no-referrer` a browser sends the
 * forms of a page with `Origin: null`, which `isAllowedOrigin` refuses.
 */
export const pageHeaders = {
	"Content-Security-Policy": [
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"font-src 'self'",
		"connect-src 'self'",
		"manifest-src 'self'",
		"base-uri 'none'",
		"form-action 'self'",
		"frame-ancestors 'none'",
	].join("; "),
	"Referrer-Policy": "same-origin",
	"Cross-Origin-Opener-Policy": "same-origin",
} as const;

/**
 * [A153] A year, as browsers' lists want it, for the name that was called and not for names below it: those may be others'. An
 * operator who gives TLS up must first serve `max-age=0` from the proxy for as long.
 */
export const strictTransport = { name: "Strict-Transport-Security", value: "max-age=31536000" } as const;
