// A server that is called from before its port opens until after it is up: on an empty folder, and on one that an older release left.
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { startServer } from "../scripts/child.ts";
import { readRecorded, releaseNames, unpackFolder } from "../scripts/release/recorded-release.ts";
import type { LeftBehind } from "../scripts/release/recorded-release.ts";

/** Calls of each route after the server has said that it is up. */
const callsAfter = 20;

const routes = [
	["GET", "/v1/repos?owner=acme"],
	["GET", "/v1/repos/acme/web/runs"],
	["GET", "/v1/tokens?owner=acme"],
	["GET", "/v1/audit?owner=acme"],
	["GET", "/v1/pools/acme"],
	["GET", "/v1/repos/acme/web"],
	["GET", "/v1/repos/acme/web/queue"],
	["GET", "/v1/switches"],
	["GET", "/v1/dead-letters"],
	["GET", "/readyz"],
] as const;

let close: () => Promise<void> = async () => {};
afterEach(() => close());

async function freePort(): Promise<number> {
	const server = createServer().listen(0, "127.0.0.1");
	await new Promise((resolve) => server.once("listening", resolve));
	const { port } = server.address() as AddressInfo;
	await new Promise((resolve) => server.close(resolve));
	return port;
}

it.each(["an empty folder", ...releaseNames()])(
	"[F23] on %s no route answers 5xx, from the first connection that is accepted on",
	async (left) => {
		const folder = await mkdtemp(join(tmpdir(), "spillway-start-"));
		const data = join(folder, "data");
		await mkdir(data, { mode: 0o700 });
		const isUpgrade = left !== "an empty folder";
		if (isUpgrade) unpackFolder(left, "data.tar.br", data);
		const token = isUpgrade ? readRecorded<LeftBehind>(left, "left.json").operatorToken : "spw_operator_of-this-test";
		const port = await freePort();
		let isUp = false;
		const hammer = async ([method, path]: (typeof routes)[number]) => {
			const statuses: number[] = [];
			for (let after = 0; after < callsAfter; ) {
				const call = fetch(`http://127.0.0.1:${port}${path}`, {
					method,
					headers: { authorization: `Bearer ${token}` },
				});
				const answer = await call.catch(() => null);
				await answer?.arrayBuffer();
				// Refused: the port is not open yet.
				if (answer === null) expect([path, isUp]).toEqual([path, false]);
				else statuses.push(answer.status);
				if (isUp) after++;
			}
			return [path, statuses.filter((status) => status >= 500)];
		};
		const hammered = Promise.all(routes.map(hammer));
		const environment = { SPILLWAY_OPERATOR_TOKEN: token };
		const { child } = await startServer(data, { port, environment });
		close = async () => {
			await child.stop();
			await rm(folder, { recursive: true, force: true });
		};
		isUp = true;
		expect(await hammered).toEqual(routes.map(([, path]) => [path, []]));
		expect(child.complaint).not.toMatch(/"fault"|"outage"/);
	},
);
