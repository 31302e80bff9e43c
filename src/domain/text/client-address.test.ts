import { expect, it } from "vitest";
import { callerAddress, parseNetworks, peerAddress } from "./client-address.ts";

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
])("[A63] behind trusted proxies `$header` comes from $from", ({ header, from }) => {
	const networks = parseNetworks(trusted) ?? [];
	for (const peer of ["10.9.9.9", null]) expect(callerAddress({ peer, forwarded: header }, networks)).toBe(from);
});

it("[A63] without trusted proxies nobody is believed", () => {
	expect(callerAddress({ peer: null, forwarded: "203.0.113.7" }, [])).toBe(null);
	expect(callerAddress({ peer: "127.0.0.1", forwarded: "203.0.113.7" }, [])).toBe("127.0.0.1");
	expect(callerAddress({ peer: "127.0.0.1", forwarded: undefined }, parseNetworks(trusted) ?? [])).toBe("127.0.0.1");
	expect(callerAddress({ peer: null, forwarded: undefined }, parseNetworks(trusted) ?? [])).toBe(null);
	expect(parseNetworks("")).toEqual([]);
});

it("[A63] a caller that is no trusted proxy names no address but its own", () => {
	const networks = parseNetworks(trusted) ?? [];
	expect(callerAddress({ peer: "198.51.100.4", forwarded: "203.0.113.7" }, networks)).toBe("198.51.100.4");
	expect(callerAddress({ peer: "2001:db8::4", forwarded: "203.0.113.7, 127.0.0.1" }, networks)).toBe("2001:db8::4");
});

it.each([
	["203.0.113.7:4711", "203.0.113.7"],
	["[2001:db8::1]:4711", "2001:db8::1"],
	["[::ffff:203.0.113.7]:4711", "203.0.113.7"],
	["unix:/run/x.sock", null],
	["203.0.113.256:1", null],
	["203.0.113.7", null],
	[undefined, null],
])("[A65] of the peer %s the address is %s", (said, address) => {
	expect(peerAddress(said)).toBe(address);
});

it.each(["10.0.0.0/33", "10.0.0/8", "example.org", "::1/129", "1::2::3", "10.0.0.0/", "1:2:3:4:5:6:7:8:9"])(
	"[A63] %s names no proxy",
	(text) => {
		expect(parseNetworks(text)).toBeNull();
	},
);
