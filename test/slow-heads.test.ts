// Connections that begin a request and never end its head: the runtime gives them up, however they dawdle.
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Site } from "./fixture-site.ts";

let site: Site;
const sockets: Socket[] = [];
beforeEach(async () => {
	site = await Site.open();
});
afterEach(async () => {
	for (const socket of sockets.splice(0)) socket.destroy();
	await site.close();
});

/** Resolves when the server has closed it. */
async function dawdle(begin: string, { next }: { next: string }): Promise<string> {
	const { hostname, port } = new URL(site.ready.url);
	const socket = connect(Number(port), hostname);
	sockets.push(socket);
	let said = "";
	socket.on("data", (bytes: Buffer) => (said += bytes.toString()));
	socket.on("error", () => undefined);
	socket.write(begin);
	const timer = setInterval(() => socket.write(next), 1_000);
	await once(socket, "close");
	clearInterval(timer);
	return said;
}

it("[V31] a head that does not come, or a byte a second, ends its connection, and the server answers others as before", async () => {
	const half = "GET /v1/repos?owner=acme HTTP/1.1\r\nhost: a\r\nx-slow: ";
	const ends = await Promise.all([dawdle("", { next: "" }), dawdle(half, { next: "" }), dawdle(half, { next: "x" })]);
	expect(ends).toEqual(["", "", ""]);
	expect((await fetch(`${site.ready.url}/healthz`)).status).toBe(200);
});
