// From where a call came. At the edge Cloudflare says it. On one machine the runtime says who is at the other end of the
// connection; where that is a proxy which the operator trusts, the proxy says the rest in a header, which anybody can send.

/** Of each proxy: an address, or a network as `10.0.0.0/8`. */
export interface Network {
	bits: bigint;
	prefix: number;
	isV6: boolean;
}

const addressPattern = /^[0-9A-Fa-f:.]{2,45}$/;

/** Null when one of the words is neither an address nor a network. */
export function parseNetworks(text: string): Network[] | null {
	const networks = text
		.split(",")
		.map((word) => word.trim())
		.filter((word) => word !== "")
		.map(parseNetwork);
	return networks.some((network) => network === null) ? null : (networks as Network[]);
}

/**
 * [A63] The last hop that no trusted proxy made: what stands before it in the header, whoever called may have written. Null where
 * a trusted proxy's header is none. `peer` is the other end of the connection; null where the runtime does not say it, and then
 * the connection is taken for one of a trusted proxy's, if there are such.
 */
export function callerAddress(
	{ peer, forwarded }: { peer: string | null; forwarded: string | undefined },
	trusted: readonly Network[],
): string | null {
	if (!isProxy(peer, trusted) || forwarded === undefined) return peer;
	const hops = forwarded.split(",").map((hop) => hop.trim());
	for (const hop of hops.reverse()) {
		const isPassed = isTrusted(hop, trusted);
		if (isPassed === null) return null;
		if (!isPassed) return hop;
	}
	return hops.at(-1) ?? null;
}

/**
 * The scheme by which the first trusted proxy was called, in small letters; null where no trusted proxy says it. A proxy that
 * only adds to what it was sent lets a caller write the first word: believe this for nothing that a caller could win by it.
 */
export function callerScheme(
	{ peer, forwarded }: { peer: string | null; forwarded: string },
	trusted: readonly Network[],
): string | null {
	if (!isProxy(peer, trusted)) return null;
	return forwarded.split(",")[0]?.trim().toLowerCase() ?? null;
}

/** A peer that the runtime does not name is taken for a trusted proxy, if there are such. */
function isProxy(peer: string | null, trusted: readonly Network[]): boolean {
	return peer === null ? trusted.length > 0 : isTrusted(peer, trusted) === true;
}

/** The address in what the runtime says of a peer: `203.0.113.7:4711`, `[2001:db8::1]:4711`, `[::ffff:203.0.113.7]:4711`. */
export function peerAddress(said: unknown): string | null {
	const [, v6, v4] = /^(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):\d+$/.exec(String(said)) ?? [];
	const address = (v4 ?? v6 ?? "").replace(/^::ffff:(?=[0-9.]+$)/i, "");
	return parseAddress(address) === null ? null : address;
}

function isTrusted(hop: string, trusted: readonly Network[]): boolean | null {
	const address = addressPattern.test(hop) ? parseAddress(hop) : null;
	return address && trusted.some((network) => holds(network, address));
}

interface Address {
	bits: bigint;
	isV6: boolean;
}

function holds({ bits, prefix, isV6 }: Network, address: Address): boolean {
	if (address.isV6 !== isV6) return false;
	const rest = BigInt((isV6 ? 128 : 32) - prefix);
	return address.bits >> rest === bits >> rest;
}

function parseNetwork(word: string): Network | null {
	const [text = "", length] = word.split("/");
	const address = parseAddress(text);
	if (address === null) return null;
	const most = address.isV6 ? 128 : 32;
	const prefix = length === undefined ? most : Number(length);
	if (length !== undefined && !(/^\d{1,3}$/.test(length) && prefix <= most)) return null;
	return { ...address, prefix };
}

function parseAddress(text: string): Address | null {
	if (!text.includes(":")) {
		const bits = parseV4(text);
		return bits === null ? null : { bits, isV6: false };
	}
	const mapped = /^::ffff:([\d.]+)$/i.exec(text)?.[1];
	if (mapped !== undefined) return parseAddress(mapped);
	const bits = parseV6(text);
	return bits === null ? null : { bits, isV6: true };
}

function parseV4(text: string): bigint | null {
	const parts = text.split(".");
	if (parts.length !== 4 || parts.some((part) => !/^\d{1,3}$/.test(part) || Number(part) > 255)) return null;
	return parts.reduce((bits, part) => (bits << 8n) | BigInt(part), 0n);
}

function parseV6(text: string): bigint | null {
	const [head = "", tail, ...more] = text.split("::");
	if (more.length > 0) return null;
	const groups = (part: string) => (part === "" ? [] : part.split(":"));
	const [first, last] = [groups(head), groups(tail ?? "")];
	const missing = 8 - first.length - last.length;
	if (tail === undefined ? missing !== 0 : missing < 1) return null;
	const all = [...first, ...Array<string>(tail === undefined ? 0 : missing).fill("0"), ...last];
	if (all.some((group) => !/^[0-9A-Fa-f]{1,4}$/.test(group))) return null;
	return all.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}

/** By which calls of one caller are counted: of IPv6 the network, since whoever has one address there has all of its network's. */
export function addressKey(address: string): string {
	const network = parseNetwork(`${address}/64`);
	return network?.isV6 ? String(network.bits >> 64n) : address;
}
