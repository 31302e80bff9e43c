// One owner floods the server over hundreds of connections, each request in a context of its own: all of them are answered, each of
// them woken by another, and another owner's submission beside them waits for few.
import { connect } from "node:net";
import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Run } from "../src/contracts/http/run.ts";
import { callLimits } from "../src/domain/overload/overload-limits.ts";
import { Site } from "./fixture-site.ts";
import { until } from "./fixture-until.ts";

const flood = 300;
/** Twice what is in work at once, and what was answered before it and not read yet. */
const aheadMax = flood / 2;

let site: Site;
const open: Socket[] = [];
beforeEach(async () => {
	site = await Site.open();
});
afterEach(async () => {
	for (const socket of open) socket.destroy();
	await site.close();
});

function call(method: string, path: string, body?: object): Promise<Response> {
	const headers = { authorization: `Bearer ${site.ready.operatorToken}`, "content-type": "application/json" };
	return fetch(`${site.ready.url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
}

const submit = (path: string) => call("POST", `${path}/runs`, { jobs: [{ key: "a", run: "true" }] });

it("[V1][V6] hundreds of connections to one repository, with endless bodies among them, do not hold up another owner's", async () => {
	const [hammered, other] = ["/v1/repos/crowd/web", "/v1/repos/neighbour/web"];
	for (const path of [hammered, other]) expect((await call("PUT", path, {})).status).toBe(200);
	await Promise.all([submit(hammered), submit(other)]);
	for (let sockets = 0; sockets < 2 * callLimits.ownerCost; sockets++) open.push(endless(`${hammered}/runs`));
	const order: string[] = [];
	const ids = new Set<string>();
	const one = async (who: string, path: string) => {
		const answer = await submit(path);
		order.push(`${who} ${answer.status === 202 ? 201 : answer.status}`);
		ids.add(((await answer.json()) as Run).id);
	};
	const flooding = Promise.all(Array.from({ length: flood }, () => one("crowd", hammered)));
	await until("the crowd waits", async () => (await waiting()) > flood / 4);
	const sentAfter = order.length;
	await one("neighbour", other);
	const ahead = order.indexOf("neighbour 201") - sentAfter;
	await flooding;
	expect(ahead).toBeGreaterThanOrEqual(0);
	expect(ahead).toBeLessThanOrEqual(aheadMax);
	expect(order.filter((each) => each === "crowd 201")).toHaveLength(flood);
	expect(ids.size).toBe(flood + 1);
});

async function waiting(): Promise<number> {
	const text = await (await call("GET", "/metrics")).text();
	return Number(/waiting\{line="calls",class="submission"\} (\d+)\n/.exec(text)?.[1]);
}

/** A submission that says that it is longer than what it sends. */
function endless(path: string): Socket {
	const { hostname, port } = new URL(site.ready.url);
	const socket = connect({ host: hostname, port: Number(port) });
	const head = [`POST ${path} HTTP/1.1`, `host: ${hostname}`, `authorization: Bearer ${site.ready.operatorToken}`];
	socket.on("error", () => undefined);
	socket.write(`${[...head, "content-type: application/json", "content-length: 1000"].join("\r\n")}\r\n\r\n{"jobs":[`);
	return socket;
}
