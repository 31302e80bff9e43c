// A WebSocket of the API: the token in its header, one word for every way in which it ends. Runs in Node and in a browser.
import { brokenCloseCode } from "../contracts/wire/sockets/close-code.ts";

/** Node's own WebSocket takes headers; a browser's ignores the second argument's shape and sends its cookie. */
type WebSocketWithHeaders = new (url: string, options: { headers: Record<string, string> }) => WebSocket;

export interface SocketEars {
	opened: () => void;
	/** Text as it came; bytes as they came. */
	heard: (data: string | ArrayBuffer) => void;
	/** Once, whatever ended it. */
	closed: (code: number, reason: string) => void;
}

/** `url` is the server's address as for any call, `path` begins with a slash. */
export function openSocket(place: { url: string; path: string; token: string | null }, ears: SocketEars): WebSocket {
	const address = place.url.replace(/\/+$/, "").replace(/^http/, "ws") + place.path;
	const socket =
		place.token === null
			? new WebSocket(address)
			: new (WebSocket as unknown as WebSocketWithHeaders)(address, {
					headers: { authorization: `Bearer ${place.token}` },
				});
	socket.binaryType = "arraybuffer";
	let hasEnded = false;
	const end = (code: number, reason: string) => {
		if (hasEnded) return;
		hasEnded = true;
		ears.closed(code, reason);
	};
	socket.addEventListener("open", () => ears.opened());
	socket.addEventListener("message", ({ data }) => {
		if (!hasEnded) ears.heard(data);
	});
	// A refused upgrade comes as `error` alone in Node 22 (nodejs/undici#3546); goes when the oldest Node we run on has
	// undici 7, which lets `close` follow. An error in an open socket is always its end.
	socket.addEventListener("error", () => end(brokenCloseCode, ""));
	socket.addEventListener("close", ({ code, reason }) => end(code, reason));
	return socket;
}
