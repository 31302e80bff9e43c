// A bare Node server that reads a request and answers 201: what the load generator can do when nobody else is slow.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const body = JSON.stringify({ id: "bare" });
const server = createServer((request, response) => {
	request
		.on("data", () => {})
		.on("end", () => {
			response.writeHead(201, { "content-type": "application/json", "content-length": body.length }).end(body);
		});
});
server.listen(0, "127.0.0.1", () => {
	const { port } = server.address() as AddressInfo;
	process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
// Its standard input ends with the bench.
process.stdin.on("end", () => process.exit()).resume();
process.on("SIGINT", () => {});
