import { expect, it } from "vitest";
import { forwardedAddress, parseNetworks } from "./client-address.ts";

const trusted = "127.0.0.1, 10.0.0.0/8, fd00::/8, ::1";

it.each([
	{ header: "203.0.113.7", from: "203.0.113.7" },
	{ header: "203.0.113.7, 10.1.2.3", from: "203.0.113.7" },
	// What the caller wrote itself stands to the left.
	{ header: "8.8.8.8, 203.0.113.7, 10.1.2.3", from: "203.0.113.7" },
	{ header: "127.0.0.1, 203.0.113.7", from: "203.0.113.7" },
	{ header: "2001:db8::1, fd12::9", from: "2001:db8::1" },
	{ header: "203.0.113.7, ::ffff:10.1.2.3", from: "203.0.113.7" },
	{ header: "10.1.1.1, 10.1.2.3", from: "10.1.1.1" },
	{ header: "unknown", from: null },
	{ header: "203.0.113.7, unknown, 10.1.2.3", from: null },
	{ header: "203.0.113.256", from: null },
	{ header: "", from: null },
	{ header: undefined, from: null },
])("[A63] behind trusted proxies `$header` comes from $from", ({ header, from }) => {
	expect(forwardedAddress(header, parseNetworks(trusted) ?? [])).toBe(from);
});

it("[A63] without trusted proxies nobody is believed", () => {
	expect(forwardedAddress("203.0.113.7", [])).toBe(null);
	expect(parseNetworks("")).toEqual([]);
});

it.each(["10.0.0.0/33", "10.0.0/8", "example.org", "::1/129", "1::2::3", "10.0.0.0/", "1:2:3:4:5:6:7:8:9"])(
	"[A63] %s names no proxy",
	(text) => {
		expect(parseNetworks(text)).toBeNull();
	},
);
