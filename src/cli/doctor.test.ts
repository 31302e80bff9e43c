// `spillway doctor` on this machine, with a server that takes its token, one that does not, and none.
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { checkNode } from "../runner/machine/machine-check.ts";
import { FakeApi } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";

const path = "/v1/pools/spillway-doctor/default";

let api: FakeApi;
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
});
afterEach(() => api.close());

describe("doctor", () => {
	it("[N124] a machine with all that it needs, and a server that takes the token, end with 0", async () => {
		api.on(`GET ${path}`, { status: 403, json: { code: "forbidden", detail: "" } });
		const { code, out } = await run(api, ["doctor"]);
		expect(code).toBe(0);
		for (const what of ["node", "git", "bash", "perl"]) expect(out).toMatch(new RegExp(`^ok +${what} `, "m"));
		expect(out).toMatch(/^(ok|note) +jobs are held by +(cgroup \(\/|subreaper|group)/m);
		expect(out).toMatch(/^(ok|note) +sandbox \(bwrap\) /m);
		expect(out).toContain(`${api.url} answers, and accepts the token`);
	});

	it("[N124] a token that is not accepted ends with 1, and is not shown", async () => {
		api.on(`GET ${path}`, { status: 401, json: { code: "token-unknown", detail: "" } });
		const { code, out } = await run(api, ["doctor"]);
		expect(code).toBe(1);
		expect(out).toMatch(/^fault +server +http.* answers, and does not accept the token$/m);
		expect(out).not.toContain("a-token");
	});

	it("[N124] so does a server that does not answer", async () => {
		const server = createServer().listen(0, "127.0.0.1");
		await once(server, "listening");
		const { port } = server.address() as AddressInfo;
		server.close();
		await once(server, "close");
		const environment = { SPILLWAY_URL: `http://127.0.0.1:${port}`, SPILLWAY_TOKEN: "t" };
		const { code, out } = await run(api, ["doctor", "--json"], { environment });
		expect(code).toBe(1);
		const findings = JSON.parse(out) as { what: string; state: string }[];
		expect(findings.find(({ what }) => what === "server")?.state).toBe("fault");
	});

	it("[A114] settings of issuers that are wrong are told, each in its words, and fail no machine", async () => {
		api.on(`GET ${path}`, { status: 403, json: { code: "forbidden", detail: "" } });
		const faults = ["the issuer acme: url: must be an https address", "SPILLWAY_ISSUER_SECRETS is no JSON"];
		api.on("GET /readyz", { status: 200, json: { dependencies: { "sign-in": { status: "degraded", faults } } } });
		const { code, out } = await run(api, ["doctor"]);
		expect(code).toBe(0);
		for (const fault of faults) expect(out).toMatch(new RegExp(`^note +sign-in +${fault}$`, "m"));
		api.on("GET /readyz", { status: 200, json: { dependencies: { "sign-in": { status: "degraded" } } } });
		expect((await run(api, ["doctor"])).out).toMatch(/^note +sign-in +.*the operator's token shows how$/m);
		api.on("GET /readyz", { status: 200, json: { dependencies: { "sign-in": { status: "ok" } } } });
		expect((await run(api, ["doctor"])).out).toMatch(/^ok +sign-in /m);
		api.on("GET /readyz", { status: 200, json: { dependencies: {} } });
		expect((await run(api, ["doctor"])).out).not.toContain("sign-in");
	});

	it("[N124] without a server's address none is asked", async () => {
		const { code, out } = await run(api, ["doctor"], { environment: {} });
		expect(code).toBe(0);
		expect(out).toMatch(/^note +server +not asked/m);
	});

	it.each([
		["18.20.0", "fault"],
		["20.1.0", "ok"],
		["22.23.3", "ok"],
	])("[N124] Node %s: %s", (version, state) => expect(checkNode(version).state).toBe(state));
});
