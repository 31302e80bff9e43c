// WebSockets that an object holds, with what of each outlives the object's sleep: tags, given once, and an attachment. In workerd
// they are the platform's own, so that a frame to a thousand of them passes through nothing else.

export interface HeldSocket {
	readonly readyState: number;
	/** Bytes that were sent and have not left yet; absent where the runtime does not tell. */
	readonly bufferedAmount?: number;
	/** Throws when it is closed. */
	send(text: string): void;
	/** Throws when it is closed. */
	close(code: number, reason?: string): void;
	serializeAttachment(value: unknown): void;
	deserializeAttachment(): unknown;
}

export interface HeldSockets {
	/** Those with the tag, or all; one that is closed may be among them for a while. */
	getWebSockets(tag?: string): HeldSocket[];
	getTags(socket: HeldSocket): string[];
}

/** Takes the other end of the socket that is being opened, with these tags. */
export type AcceptSocket = (tags: string[]) => HeldSocket;

const openState = 1;

export function isOpen({ readyState }: HeldSocket): boolean {
	return readyState === openState;
}

/** To a socket that is gone nothing is sent: its close event is on the way. */
export function sendWhereOpen(socket: HeldSocket, text: string): boolean {
	try {
		socket.send(text);
		return true;
	} catch {
		return false;
	}
}

export function closeWhereOpen(socket: HeldSocket, code: number, reason: string): void {
	try {
		socket.close(code, reason);
	} catch {
		// It is closed.
	}
}
