// Messages of a live view on a WebSocket that the Worker itself ends.
import type { LogMessage } from "../../../contracts/http/streams/log-stream.ts";
import { doneCloseCode, failedCloseCode, tokenEndedCloseCode } from "../../../contracts/wire/sockets/close-code.ts";
import type { LiveSocket } from "../services.ts";
import { whenEnded } from "./stream-standing.ts";
import type { StreamStanding } from "./stream-standing.ts";

/**
 * To a socket, until the messages, the viewer or the viewer's token are gone. A failure closes it with 1011: the viewer comes
 * back by offset.
 */
export async function sendAll(
	socket: LiveSocket,
	standing: StreamStanding,
	messages: (gone: AbortSignal) => AsyncIterable<LogMessage>,
): Promise<void> {
	const over = new AbortController();
	const endToken = (reason: string) => {
		socket.close(tokenEndedCloseCode, reason);
		over.abort();
	};
	whenEnded(standing, AbortSignal.any([socket.gone, over.signal]), endToken);
	try {
		for await (const message of messages(AbortSignal.any([socket.gone, over.signal]))) {
			const reason = standing();
			if (reason !== null) return endToken(reason);
			await socket.send(JSON.stringify(message));
		}
		socket.close(doneCloseCode, "the log has ended");
	} catch (cause) {
		socket.close(failedCloseCode, "come back by offset");
		throw cause;
	} finally {
		over.abort();
	}
}
