// However a request is written, it is answered as who it comes from and for what it names: no spelling of a path, no method in a
// header, no second token and no ticket beside is a way round.
import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { aRepo, aToken, job, operator, origin, running, submit } from "../api-fixture.ts";

interface Call {
	method?: string;
	token?: string | null;
	headers?: Record<string, string>;
	body?: object;
}

/** `404 unknown`; the code is left out where there is no body. */
async function heard(path: string, { method = "GET", token = own, headers = {}, body }: Call = {}): Promise<string> {
	const response = await exports.default.fetch(
		new Request(origin + path, {
			method,
			headers: {
				...(token === null ? {} : { authorization: `Bearer ${token}` }),
				...(body === undefined ? {} : { "content-type": "application/json" }),
				...headers,
			},
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		}),
	);
	response.webSocket?.accept();
	response.webSocket?.close(1_000, "seen");
	const text = await response.text();
	const { code = "" } = text.startsWith("{") ? (JSON.parse(text) as { code?: string }) : {};
	return `${response.status} ${code}`.trim();
}

let [ada, eve, own, job1, run1] = ["", "", "", "", ""];

beforeAll(async () => {
	const [home, foreign] = [await aRepo(), await aRepo()];
	[ada, eve] = [home.owner, foreign.owner];
	own = await aToken(ada, ["read", "write", "admin"]);
	run1 = (await submit(foreign, [job("a")])).id;
	job1 = (await running(foreign)).job.id;
});

describe("no spelling of a request reaches what its caller may not", () => {
	it("[A129] paths: in escapes, with dots, with a slash more", async () => {
		const escaped = eve.replace("a", "%61");
		const dotted = ["..", "%2e%2e", ".%2E"].map((dots) => `/v1/repos/${ada}/${dots}/${eve}/web`);
		for (const path of [`/v1/repos/${escaped}/web`, `/v1/%72epos/${eve}/web`, ...dotted]) {
			expect([path, await heard(path)]).toEqual([path, "404 unknown"]);
		}
		const slashed = `${ada}%2f..%2f${eve}`;
		expect(await heard(`/v1/repos/${slashed}/web`)).toBe("400 malformed");
		expect(await heard(`/v1/pools/${ada}/default%2f..%2f..%2f${eve}`)).toBe("400 malformed");
		for (const path of [`/v1/repos/${ada}/web/`, `//v1/repos/${ada}/web`, `/V1/repos/${ada}/web`]) {
			expect([path, await heard(path)]).toEqual([path, "404 no-such-path"]);
		}
	});

	it("[A129] methods: HEAD is refused as GET, and no header and no parameter changes the method", async () => {
		expect(await heard(`/v1/repos/${eve}/web`, { method: "HEAD" })).toBe("404");
		expect(await heard(`/v1/repos/${ada}/web`, { method: "HEAD", token: null })).toBe("401");
		for (const header of ["x-http-method-override", "x-http-method", "x-method-override"]) {
			const over = { method: "POST", headers: { [header]: "PUT" }, body: {} };
			expect(await heard(`/v1/repos/${ada}/web`, over)).toBe("405 method-not-allowed");
		}
		expect(await heard(`/v1/repos/${ada}/web?_method=PUT`)).toBe("400 malformed");
		expect(await heard(`/v1/repos/${ada}/web`, { method: "OPTIONS", token: null })).toMatch(/^(204|405)/);
	});

	it("[A129] tokens: one, whole, in its own header and under its own scheme", async () => {
		const headers: Record<string, string>[] = [
			{ authorization: `Bearer ${own}, Bearer ${operator}` },
			{ authorization: `Bearer ${operator}, Bearer ${own}` },
			{ authorization: `Bearer\t${operator}` },
			{ authorization: operator },
			{ authorization: `Bearer ${operator.toUpperCase()}` },
			{ "proxy-authorization": `Bearer ${operator}` },
			{ "x-authorization": `Bearer ${operator}` },
			{ cookie: `authorization=Bearer ${operator}; spillway_session=${operator}` },
		];
		for (const brought of headers) {
			const said = await heard(`/v1/repos/${eve}/web`, { token: null, headers: brought });
			expect([brought, said]).toEqual([brought, "401 unauthorized"]);
		}
		expect(
			await heard(`/v1/repos/${eve}/web`, { token: null, headers: { authorization: `bearer  ${operator}` } }),
		).toBe("200");
	});

	it("[A129] parameters: whose it is, is said once and by its name", async () => {
		for (const query of [`owner=${ada}&owner=${eve}`, `owner[]=${eve}&owner=${ada}`, `owner=${ada}&Owner=${eve}`]) {
			expect([query, await heard(`/v1/repos?${query}`)]).toEqual([query, "400 malformed"]);
		}
		for (const query of [`owner=${eve}`, `%6fwner=${eve}`, `owner=${ada.toUpperCase()}`, `owner=%20${ada}`]) {
			expect([query, await heard(`/v1/audit?${query}`)]).toEqual([query, "404 unknown"]);
		}
		expect(await heard("/v1/audit")).toBe("403 operator-only");
		expect(await heard("/v1/audit?owner=")).toBe("403 operator-only");
		expect(await heard(`/v1/repos/${ada}/web?ticket=${own}`)).toBe("400 malformed");
		expect(await heard(`/v1/repos/${ada}/web?ticket=${own}`, { token: null })).toBe("401 unauthorized");
	});

	it("[A129] names: a run and a job of another repository are not there in one's own", async () => {
		const at = `/v1/repos/${ada}/web`;
		for (const below of ["", "/jobs", "/events"]) {
			expect(await heard(`${at}/runs/${run1}${below}`)).toBe("404 run-unknown");
		}
		for (const below of ["", "/log/live", "/attempts/1/log", "/attempts/1/log/live", "/attempts/1/log/search?q=x"]) {
			expect([below, await heard(`${at}/jobs/${job1}${below}`)]).toEqual([below, "404 job-unknown"]);
		}
		const post = (path: string, body: object = {}) => heard(at + path, { method: "POST", body });
		expect(await post(`/runs/${run1}/cancel`)).toBe("404 run-unknown");
		expect(await post(`/runs/${run1}/retry`, { only: "all" })).toBe("404 run-unknown");
		expect(await post(`/runs/${run1}/jobs`, { jobs: [job("b")] })).toBe("404 run-unknown");
		for (const act of ["cancel", "retry"]) expect(await post(`/jobs/${job1}/${act}`)).toBe("404 job-unknown");
	});

	it("[A129] cursors: another list's is malformed, and one that was made up reaches nothing of another's", async () => {
		const cursor = (text: string) => Buffer.from(text).toString("base64url");
		expect(await heard(`/v1/repos/${ada}/web/runs?cursor=${cursor("web")}`)).toBe("400 malformed");
		expect(await heard(`/v1/tokens?owner=${ada}&cursor=${cursor(`9999999999999 ${run1} x`)}`)).toBe("400 malformed");
		const rebuild = (text: string) =>
			heard(`/v1/owners/${ada}/projection/rebuild`, { method: "POST", body: { cursor: cursor(text) } });
		expect(await rebuild(`1 repository ${eve}/web`)).toBe("400 malformed");
		const made = `/v1/repos/${ada}/web/runs?cursor=${cursor(`9999999999999 ${run1}`)}`;
		const response = await exports.default.fetch(
			new Request(origin + made, { headers: { authorization: `Bearer ${own}` } }),
		);
		expect(await response.json()).toMatchObject({ items: [], nextCursor: null });
	});
});
