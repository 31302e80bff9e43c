// How an HTTP request asks to become a WebSocket: said once, for callers of the API and for the Worker that calls an object.

/** Of a request that asks, and of the 426 that wants to be asked. */
export const upgradeHeaders = { Upgrade: "websocket" } as const;

export function isUpgrade({ headers }: { headers: Headers }): boolean {
	return headers.get("upgrade")?.toLowerCase() === "websocket";
}

/** `headers` go along. */
export function upgradeRequest(url: string, headers: Record<string, string> = {}): Request {
	return new Request(url, { headers: { ...upgradeHeaders, ...headers } });
}
