import { describe, expect, it } from "vitest";
import { parseOrigins } from "../../domain/text/origins.ts";
import { isAllowedOrigin } from "./origins.ts";

const from = (url: string, origin: string | null) => ({
	url,
	headers: new Headers(origin === null ? {} : { Origin: origin }),
});

describe("[A150] a request that rests on a cookie", () => {
	it.each([
		["no page names itself", "https://ci.example/v1/x", null],
		["the server's own page, by https", "https://ci.example/v1/x", "https://ci.example"],
		["its own page, by a port of its own", "http://127.0.0.1:8787/v1/x", "http://127.0.0.1:8787"],
		["its own page, behind a proxy that ends TLS", "http://ci.example/v1/x", "https://ci.example"],
		["the same, where the proxy names the port", "http://ci.example:443/v1/x", "https://ci.example"],
		["an origin of the list", "https://ci.example/v1/x", "https://dash.example:8443"],
	])("[A150] is taken: %s", (_, url, origin) => {
		expect(isAllowedOrigin(from(url, origin), ["https://dash.example:8443"])).toBe(true);
	});

	it.each([
		["a foreign page", "https://ci.example/v1/x", "https://evil.example"],
		["a sandboxed page, as a raw log is", "https://ci.example/v1/x", "null"],
		["an empty word", "https://ci.example/v1/x", ""],
		["the same host by plain http, which anybody on the way can write", "https://ci.example/x", "http://ci.example"],
		["the same host on another port", "http://127.0.0.1:8787/v1/x", "http://127.0.0.1:8788"],
		["a name that begins alike", "https://ci.example/v1/x", "https://ci.example.evil.example"],
		["a name that ends alike", "https://ci.example/v1/x", "https://evil-ci.example"],
		["an origin of the list in other letters", "https://ci.example/v1/x", "https://DASH.example:8443"],
		["an origin of the list without its port", "https://ci.example/v1/x", "https://dash.example"],
		["two origins in one", "https://ci.example/v1/x", "https://ci.example, https://evil.example"],
	])("[A150] is not taken: %s", (_, url, origin) => {
		expect(isAllowedOrigin(from(url, origin), ["https://dash.example:8443"])).toBe(false);
	});
});

describe("[A154] a list of origins", () => {
	it("[A154] is exact: what a browser would never send is no list, and is never taken for all origins", () => {
		expect(parseOrigins("")).toEqual([]);
		expect(parseOrigins(" https://a.example , http://127.0.0.1:3000,https://a.example")).toEqual([
			"https://a.example",
			"http://127.0.0.1:3000",
		]);
		for (const bad of ["*", "null", "https://*.example", "https://a.example/", "https://a.example/x", "a.example"])
			expect([bad, parseOrigins(`https://b.example,${bad}`)]).toEqual([bad, null]);
		for (const bad of ["https://A.example", "https://a.example:443", "ftp://a.example", "https://u:p@a.example"])
			expect([bad, parseOrigins(bad)]).toEqual([bad, null]);
		expect(parseOrigins(Array.from({ length: 51 }, (_, n) => `https://a${n}.example`).join())).toBeNull();
	});
});
