// The least that shows a log to many: what one socket sends goes to all others, from memory, kept nowhere.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "./logs-socket.ts";

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
sockets.on("connection", (socket, { url }) => {
	if (url !== "/publish") return;
	socket.on("message", (data) => {
		for (const viewer of sockets.clients) if (viewer !== socket) viewer.send(data, { binary: false });
	});
});
server.listen(0, "127.0.0.1", () => {
	const { port } = server.address() as AddressInfo;
	process.stdout.write(`${JSON.stringify({ url: `ws://127.0.0.1:${port}` })}\n`);
});
// Its standard input ends with the bench.
process.stdin.on("end", () => process.exit()).resume();
process.on("SIGINT", () => {});
