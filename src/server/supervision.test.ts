// When a server counts as gone, with real sockets.
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, it } from "vitest";
import { Supervision } from "./supervision.ts";

const quick = { lookMs: 5, answerMs: 50, silentMax: 3, closedMax: 2, restartsMax: 3, restartsMs: 60_000 };

let server: Server;
let supervision: Supervision;
afterEach(() => {
	supervision.stop();
	server.closeAllConnections();
	server.close();
});

async function serve(listener: RequestListener): Promise<string> {
	server = createServer(listener).listen(0, "127.0.0.1");
	await once(server, "listening");
	return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

it("[X26] a port that closes is gone after some looks, not after the first", async () => {
	let looks = 0;
	const seen = Promise.withResolvers<void>();
	const url = await serve((_, answer) => {
		answer.end();
		if (++looks === 3) seen.resolve();
	});
	supervision = new Supervision({ url, ...quick });
	await seen.promise;
	server.closeAllConnections();
	server.close();
	expect(await supervision.gone).toBe(`${url} is closed, looked at 2 times`);
});

it("[X26] one that takes connections and never answers is gone too", async () => {
	const url = await serve(() => {});
	supervision = new Supervision({ url, ...quick });
	expect(await supervision.gone).toBe(`${url} does not answer, looked at 3 times`);
});

it("[X26] an answer in between, whatever it is, begins the count anew", async () => {
	let looks = 0;
	const url = await serve((_, answer) => {
		looks++;
		// Every third look is answered until the tenth, none after.
		if (looks < 10 && looks % 3 === 0) answer.writeHead(500).end();
	});
	supervision = new Supervision({ url, ...quick });
	await supervision.gone;
	expect(looks).toBe(12);
});

it("[X26] a workerd that dies again and again is gone although its port answers", async () => {
	const url = await serve((_, answer) => answer.end());
	supervision = new Supervision({ url, ...quick });
	for (let restart = 0; restart < 3; restart++) supervision.restarted();
	expect(await supervision.gone).toBe("workerd died 3 times within 60 s");
});
