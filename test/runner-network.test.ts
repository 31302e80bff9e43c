// How a runner's process reaches its server: by a proxy, and over TLS with a certificate of one's own.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterEach, beforeEach, expect, it } from "vitest";
import { Child } from "../scripts/child.ts";
import { FakeServer } from "../src/testing/fake-server/fake-server.ts";
import { buildGrant } from "../src/testing/fake-server/fake-server-lease.ts";

/** For `localhost` and until 2126, made for this test: it opens nothing. */
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgzf8q5yocbhyV26Rj
PEYtsdza6pcS1reNLsZqBqT7jQShRANCAAQI11JgOQHmEVMcy0qbvHqH9Ig8001X
+G1Z22EmnEpy07Hm/mUS53EyR0lDBPu5xnziPGyEl1I0sDbHb8KjeFYZ
-----END PRIVATE KEY-----`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBpTCCAUugAwIBAgIUVJSAi5CsKY+rWm0Uim6ytGAF25AwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyNDA4NDcxMFoYDzIxMjYxMDMx
MDg0NzEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQI11JgOQHmEVMcy0qbvHqH9Ig8001X+G1Z22EmnEpy07Hm/mUS53Ey
R0lDBPu5xnziPGyEl1I0sDbHb8KjeFYZo3kwdzAdBgNVHQ4EFgQUWKDfLQnRPAmu
E9N0oaoc183S1QYwHwYDVR0jBBgwFoAUWKDfLQnRPAmuE9N0oaoc183S1QYwDwYD
VR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwDgYDVR0PAQH/BAQD
AgeAMAoGCCqGSM49BAMCA0gAMEUCIQCUu7ZLjLAXveZvFc1BSSZQP18QctsRM9xb
BklX2GTNrAIgErawoym8SkNzGcZn4KYt4MN8NEm8CGvHtVfhktqAugs=
-----END CERTIFICATE-----`;

let folder: string;
let server: FakeServer;
const closing: (() => void)[] = [];
beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "spillway-network-"));
	server = new FakeServer();
	server.hasSessions = true;
	server.hasUploadSockets = true;
	await server.open();
});
afterEach(async () => {
	for (const close of closing.splice(0)) close();
	await server.close();
	rmSync(folder, { recursive: true, force: true });
});

const serverPort = () => Number(new URL(server.url).port);

async function listen(front: Server): Promise<number> {
	const sockets = new Set<Socket>();
	front.on("connection", (socket) => void sockets.add(socket));
	closing.push(() => {
		for (const socket of sockets) socket.destroy();
		front.close();
	});
	await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
	return (front.address() as AddressInfo).port;
}

function joinSockets(near: Socket, far: Socket): void {
	for (const [from, to] of [
		[near, far],
		[far, near],
	] as const) {
		from.on("error", () => {});
		from.on("close", () => to.destroy());
		from.pipe(to);
	}
}

/** The server, behind TLS. */
function tlsFront(): Server {
	const front = createTlsServer({ key, cert }, (socket) => joinSockets(socket, connect(serverPort(), "127.0.0.1")));
	return front.on("tlsClientError", () => {});
}

/** Knows the host `spillway.test`, which nobody else does; whatever is asked for is at `farPort`. */
async function proxy(farPort = serverPort()): Promise<{ port: number; asked: string[] }> {
	const asked: string[] = [];
	const front = createServer();
	front.on("connect", ({ url = "" }, socket: Socket) => {
		asked.push(url);
		const far = connect(farPort, "127.0.0.1", () => socket.write("HTTP/1.1 200 OK\r\n\r\n"));
		joinSockets(socket, far);
	});
	return { port: await listen(front), asked };
}

function runner(url: string, environment: NodeJS.ProcessEnv): Child {
	const words = ["runner", "start", "--pool", "acme/default", "--work-dir", join(folder, "work")];
	const child = new Child({ words, environment: { SPILLWAY_URL: url, SPILLWAY_TOKEN: "a-token", ...environment } });
	closing.unshift(() => void child.stop());
	return child;
}

it("[N103] by a proxy: calls, session and upload socket; the process keeps its number and drains as ever", async () => {
	const { port, asked } = await proxy();
	const url = `http://spillway.test:${serverPort()}`;
	const child = runner(url, { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "" });
	const lease = server.offer(buildGrant({ run: "sleep 1.5; echo done; env" }));
	await server.until(() => lease.finish !== null);
	expect(lease.finish?.outcome).toBe("passed");
	expect([server.sessions.length, server.uploadSockets.length, server.callsTo("/v1/runner/acquire").length]).toEqual([
		1, 1, 0,
	]);
	expect(new Set(asked)).toEqual(new Set([`spillway.test:${serverPort()}`]));
	expect(lease.text).not.toContain("NODE_USE_ENV_PROXY");
	await child.stop();
	expect(child.process.exitCode).toBe(0);
	expect(child.complaint).not.toContain("Warning");
});

it("[N103] not by the proxy where the environment says so", async () => {
	const { port, asked } = await proxy();
	runner(server.url, { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "127.0.0.1" });
	const lease = server.offer(buildGrant());
	await server.until(() => lease.finish !== null);
	expect(asked).toEqual([]);
});

it("[N103][N104] by HTTPS_PROXY over TLS with a certificate of one's own: calls, session and upload socket", async () => {
	const file = join(folder, "cert.pem");
	writeFileSync(file, cert);
	const far = await listen(tlsFront());
	const { port, asked } = await proxy(far);
	// `localhost` is in the certificate. Unless told so the runner would not ask a proxy for it.
	const environment = { HTTPS_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "", NODE_EXTRA_CA_CERTS: file };
	// Nobody listens at that port: only the proxy knows what is behind it.
	runner("https://localhost:8443", environment);
	const lease = server.offer(buildGrant({ run: "sleep 1.5; echo done" }));
	await server.until(() => lease.finish !== null);
	expect(lease.finish?.outcome).toBe("passed");
	expect([server.sessions.length, server.uploadSockets.length, server.callsTo("/v1/runner/acquire").length]).toEqual([
		1, 1, 0,
	]);
	expect(new Set(asked)).toEqual(new Set(["localhost:8443"]));
});

it("[N104] a certificate of one's own is trusted if the environment names it, and not otherwise", async () => {
	const file = join(folder, "cert.pem");
	writeFileSync(file, cert);
	const url = `https://localhost:${await listen(tlsFront())}`;
	const distrustful = runner(url, {});
	while (!distrustful.complaint.includes("register-failed")) await new Promise((resolve) => setTimeout(resolve, 50));
	expect(distrustful.complaint).toMatch(/self-signed certificate/);
	await distrustful.stop();
	runner(url, { NODE_EXTRA_CA_CERTS: file });
	const lease = server.offer(buildGrant());
	await server.until(() => lease.finish !== null);
	expect([lease.finish?.outcome, server.sessions.length]).toEqual(["passed", 1]);
});
