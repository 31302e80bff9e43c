// What a stranger at a command line is told to do next: after a refusal, with an address that is none, and when interrupted.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";
import { aWireAttempt, aWireJob, aWireRun } from "../testing/wire-builders.ts";
import { jobRow, standing } from "./run-summary.ts";
import { createPaint } from "./terminal/paint.ts";

const web = "/v1/repos/acme/web";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

it.each([
	["repository-unknown", "spillway repo set OWNER/REPO makes one known"],
	["run-unknown", "spillway run list OWNER/REPO"],
	["job-unknown", "spillway job list OWNER/REPO RUN"],
	["run-nothing-to-retry", "--only all"],
	["unauthorized", "spillway doctor"],
])("[X36] after %s the line says which command helps", async (code, hint) => {
	api.on(`GET ${web}/runs/7`, { status: 404, json: { code, detail: "No.", requestId: "q" } });
	const { err, ...rest } = await run(api, ["run", "show", "acme/web", "7"]);
	expect(rest).toEqual({ code: 4, out: "" });
	expect(err).toMatch(new RegExp(`^spillway: ${code}: No\\. \\(.*\\) \\[request q\\]\\n$`));
	expect(err).toContain(hint);
});

it("[X36] a refusal that nobody can do anything about has no hint", async () => {
	api.on(`GET ${web}/runs/7`, { status: 409, json: { code: "toString", detail: "No." } });
	expect((await run(api, ["run", "show", "acme/web", "7"])).err).toBe("spillway: toString: No.\n");
});

describe("an address", () => {
	it.each(["127.0.0.1:8787", "localhost:8787", "ftp://ci.example", "ci"])(
		"[X37] such as %s is refused",
		async (url) => {
			const line = `"${url}" is no address of a server: want one such as http://127.0.0.1:8787`;
			const { code, err } = await run(api, ["repo", "list", "acme", "--url", url]);
			expect({ code, err }).toEqual({ code: 2, err: `spillway: ${line}\n` });
			expect((await run(api, ["doctor", "--url", url])).out).toContain(line);
		},
	);

	it("[X38] doctor asks below the path of the address", async () => {
		api.on("GET /ci/v1/pools/spillway-doctor/default", { status: 404, json: { code: "unknown", detail: "" } });
		const { code, out } = await run(api, ["doctor", "--url", `${api.url}/ci/`]);
		expect({ code, out }).toMatchObject({
			code: 0,
			out: expect.stringContaining("/ci/ answers, and accepts the token"),
		});
	});

	it.each([
		[404, "<html>not here</html>"],
		[200, "<html>welcome</html>"],
	])("[X38] doctor does not take somebody else's %i for a server's", async (status, text) => {
		api.on("GET /v1/pools/spillway-doctor/default", { status, text });
		const { code, out } = await run(api, ["doctor"]);
		expect(code).toBe(1);
		expect(out).toContain(`answers with ${status}, and not as Spillway does`);
	});
});

it("[X39] interrupted before the server answered, run start says where to look for the run", async () => {
	const arrived = Promise.withResolvers<void>();
	const server = createServer(() => arrived.resolve()).listen(0, "127.0.0.1");
	await once(server, "listening");
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
	const words = ["run", "start", "acme/web", "-f", "-"];
	const { code, err } = await run({ url }, words, { input: "[]", interrupted: arrived.promise });
	expect({ code, err }).toEqual({
		code: 130,
		err: "spillway: the server has not answered; whether it took the run: spillway run list acme/web\n",
	});
	server.closeAllConnections();
	server.close();
});

it("[X40] token create takes repositories with their owner and without, and none of another's", async () => {
	api.on("POST /v1/tokens", { status: 201, json: { id: "tk1", token: "t" } });
	const words = ["token", "create", "acme", "--name", "ci", "--scope", "read", "--repo"];
	expect((await run(api, [...words, "acme/web,api"])).code).toBe(0);
	expect(api.calls[0]?.json).toMatchObject({ repos: ["web", "api"] });
	const { code, err } = await run(api, [...words, "other/web"]);
	expect({ code, err }).toEqual({
		code: 2,
		err: "spillway: other/web is no repository of acme: want REPO or acme/REPO\n",
	});
});

it("[X41] a run's time says over how many rounds it went, and a job that passed twice names no exit code", () => {
	const paint = createPaint(false);
	expect(standing(aWireRun(), paint)).toBe("passed in 4.2 s");
	expect(standing(aWireRun({ round: 2 }), paint)).toBe("passed in 4.2 s over 2 rounds");
	const attempts = [aWireAttempt(), aWireAttempt({ number: 2 })];
	expect(jobRow(aWireJob("test", { attempts }), paint).at(-1)).toBe("passed");
});

it("[X42] a runner of no capacity is a usage error, and is never registered", async () => {
	const { code, err } = await run(api, ["runner", "start", "--pool", "acme/default", "--capacity", "0"]);
	expect(code).toBe(2);
	expect(err).toContain("Want a whole number from 1.");
	expect(api.calls).toEqual([]);
});
