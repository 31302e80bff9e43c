// Each command against each way in which a call fails, over a real connection: how often it is sent and under which key, what is
// waited for, what a person sees, and the exit code. No test waits: the pauses are told and not made.
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeApi } from "../testing/fake-api.ts";
import type { ApiAnswer } from "../testing/fake-api.ts";
import { run } from "../testing/fake-terminal.ts";
import { aWireJob, aWireRun } from "../testing/wire-builders.ts";

const web = "/v1/repos/acme/web";
const { id } = aWireRun();
const { id: job } = aWireJob("test");
const page = { items: [], nextCursor: null, asOf: "2026-05-01T12:00:00.000Z", stale: false };
const letter = `dl${"1".repeat(13)}m1`;
const gone = { status: 204 };

interface Case {
	words: string[];
	call: string;
	answer: ApiAnswer;
	input?: string;
	/** Its answer is bytes: whatever they are, they are it. */
	isBytes?: boolean;
	/** Not sent again once it may have been heard. */
	isOnce?: boolean;
}

/** Each command by its call that may fail; what it asks for besides is answered. */
const cases: Case[] = [
	{
		words: ["run", "start", "acme/web", "--file", "-"],
		call: `POST ${web}/runs`,
		answer: { status: 201, json: aWireRun() },
		input: '[{"key":"a","run":"true"}]',
	},
	{ words: ["run", "show", "acme/web", id], call: `GET ${web}/runs/${id}`, answer: { json: aWireRun() } },
	{ words: ["run", "list", "acme/web"], call: `GET ${web}/runs`, answer: { json: page } },
	{
		words: ["run", "cancel", "acme/web", id],
		call: `POST ${web}/runs/${id}/cancel`,
		answer: { status: 202, json: aWireRun() },
	},
	{
		words: ["run", "retry", "acme/web", id],
		call: `POST ${web}/runs/${id}/retry`,
		answer: { status: 202, json: aWireRun() },
	},
	{ words: ["job", "show", "acme/web", job], call: `GET ${web}/jobs/${job}`, answer: { json: aWireJob("test") } },
	{
		words: ["job", "cancel", "acme/web", job],
		call: `POST ${web}/jobs/${job}/cancel`,
		answer: { status: 202, json: aWireJob("test") },
	},
	{
		words: ["job", "retry", "acme/web", job],
		call: `POST ${web}/jobs/${job}/retry`,
		answer: { status: 202, json: aWireJob("test") },
	},
	{
		words: ["job", "prioritise", "acme/web", job, "--priority", "5"],
		call: `PATCH ${web}/jobs/${job}`,
		answer: { json: aWireJob("test") },
	},
	{
		words: ["job", "log", "acme/web", job, "--attempt", "1"],
		call: `GET ${web}/jobs/${job}/attempts/1/log`,
		answer: { text: "log" },
		isBytes: true,
	},
	{ words: ["secret", "list", "acme/web"], call: `GET ${web}/secrets`, answer: { json: page } },
	{ words: ["secret", "set", "acme/web", "A"], call: `PUT ${web}/secrets/A`, answer: gone, input: "value" },
	{ words: ["secret", "delete", "acme/web", "A"], call: `DELETE ${web}/secrets/A`, answer: gone },
	{ words: ["repo", "list", "acme"], call: "GET /v1/repos?owner=acme", answer: { json: page } },
	{
		words: ["token", "create", "acme", "--name", "x", "--scope", "read"],
		call: "POST /v1/tokens",
		answer: { status: 201, json: { id: "tk1", token: "spw_x", expiresAt: null } },
	},
	{ words: ["token", "list", "acme"], call: "GET /v1/tokens?owner=acme", answer: { json: page } },
	{ words: ["token", "revoke", "tk1"], call: "DELETE /v1/tokens/tk1", answer: gone },
	{ words: ["pool", "list", "acme"], call: "GET /v1/pools/acme", answer: { json: page } },
	{ words: ["runner", "remove", "acme/big", "rn1"], call: "DELETE /v1/pools/acme/big/runners/rn1", answer: gone },
	{ words: ["audit", "list"], call: "GET /v1/audit", answer: { json: page } },
	{ words: ["dead-letter", "list"], call: "GET /v1/dead-letters", answer: { json: page } },
	{ words: ["dead-letter", "drop", letter], call: `DELETE /v1/dead-letters/${letter}`, answer: gone },
	{
		words: ["dead-letter", "redrive", letter],
		call: `POST /v1/dead-letters/${letter}/redrive`,
		answer: { status: 202, json: { queue: "events" } },
		isOnce: true,
	},
	{
		words: ["projection", "rebuild", "acme"],
		call: "POST /v1/owners/acme/projection/rebuild",
		answer: { json: { owner: "acme", repo: null, right: 0, written: 0, removed: 0, nextCursor: null } },
	},
	{ words: ["switch", "show"], call: "GET /v1/switches", answer: { json: { acceptRuns: true, dispatch: true } } },
	{
		words: ["dead-letter", "redrive", "--all"],
		call: "POST /v1/dead-letters/redrive",
		answer: { status: 202, json: { redriven: 1, more: false } },
	},
];

interface Fault {
	answer: ApiAnswer;
	/** `again` whatever it is; `sent`: only where twice is as good as once. */
	repeats: "again" | "sent";
	/** At the least, before the next try. */
	askedMs: number;
	code: number;
	/** The end of the one line that says why. */
	says: RegExp;
}

const now = "Fri, 01 May 2026 12:00:00 GMT";
const problem = (status: number, headers: Record<string, string> = {}): ApiAnswer => {
	return { status, headers, json: { code: "busy", detail: "Too much at once.", requestId: "q" } };
};
const busy = /busy: Too much at once\..* \[request q\]/;
const html = "<html>Bad Gateway</html>";

const faults: Record<string, Fault> = {
	"429 with seconds": {
		answer: problem(429, { "retry-after": "2" }),
		repeats: "again",
		askedMs: 2_000,
		code: 4,
		says: busy,
	},
	"429 with a date": {
		answer: problem(429, { "retry-after": "Fri, 01 May 2026 12:00:03 GMT", date: now }),
		...{ repeats: "again", askedMs: 3_000, code: 4, says: /busy: Too much at once\. Try again in 3 s\./ },
	},
	"429 without": { answer: problem(429), repeats: "again", askedMs: 0, code: 4, says: busy },
	"503 with seconds": {
		answer: problem(503, { "retry-after": "1" }),
		repeats: "again",
		askedMs: 1_000,
		code: 4,
		says: busy,
	},
	"503 without": { answer: problem(503), repeats: "again", askedMs: 0, code: 4, says: busy },
	"502 of a proxy": {
		answer: { status: 502, text: html },
		repeats: "sent",
		askedMs: 0,
		code: 5,
		says: /what 127\S+ answered \(502 Bad Gateway\) is no answer/,
	},
	"a reset before the answer": {
		answer: { fault: "reset" },
		repeats: "sent",
		askedMs: 0,
		code: 5,
		says: /no answer from 127/,
	},
	"no answer at all": {
		answer: { fault: "silent" },
		repeats: "sent",
		askedMs: 0,
		code: 5,
		says: /no answer within 300 ms/,
	},
	...Object.fromEntries(
		Object.entries<ApiAnswer>({
			"404 of a proxy": { status: 404, text: html },
			"403 of a proxy, in JSON": { status: 403, json: { message: "no route matched", code: 7003 } },
			"200, empty": { text: "" },
			"200, null": { json: null },
			"200, {}": { json: {} },
		}).map(([name, answer]): [string, Fault] => [
			name,
			{ answer, repeats: "sent", askedMs: 0, code: 5, says: /what 127\S+ answered \(\d+ [\w ]+\) is no answer/ },
		]),
	),
	"503 of a proxy": {
		answer: { status: 503, headers: { "retry-after": "1" }, text: html },
		repeats: "again",
		askedMs: 1_000,
		code: 5,
		says: /what 127\S+ answered \(503 Service Unavailable\) is no answer/,
	},
	"a redirect": {
		answer: { status: 302, headers: { location: "https://sign-in.example/" }, text: html },
		...{
			repeats: "sent",
			askedMs: 0,
			code: 5,
			says: /redirected: The address leads to https:\/\/sign-in\.example\/: give/,
		},
	},
};

let api: FakeApi;
let clock: number;
let waits: number[];
beforeEach(async () => {
	api = new FakeApi();
	await api.open();
	[clock, waits] = [0, []];
});
afterEach(() => api.close());

/** Time passes by pauses alone. */
const retry = {
	tryMs: 300,
	random: () => 0.5,
	now: () => clock,
	sleep: async (ms: number) => {
		waits.push(ms);
		clock += ms;
	},
};

const command = ({ words, input = "" }: Case) => run(api, words, { input, retry });
const callsTo = (call: string) => api.calls.filter(({ method, path }) => `${method} ${path}` === call);

describe.each(cases.map((one) => [one.words.slice(0, 2).join(" "), one] as const))("%s", (_, one) => {
	const { call, answer, isOnce = false, isBytes = false } = one;
	const its = Object.entries(faults).filter(
		([, fault]) => !(isBytes && (fault.answer.status ?? 200) === 200 && !fault.answer.fault),
	);

	it.each(its)("[X49] %s, once", async (_name, { answer: fault, repeats, askedMs, code, says }) => {
		api.on(call, fault, answer);
		const isRepeated = repeats === "again" || !isOnce;
		const shown = await command(one);
		expect([shown.code, callsTo(call).length]).toEqual(isRepeated ? [0, 2] : [code, 1]);
		if (isRepeated) expect(shown.err).toBe("");
		else expect(shown.err).toMatch(new RegExp(`^spillway: ${says.source}.*\n$`));
		const keys = callsTo(call).map(({ headers }) => headers["idempotency-key"]);
		expect(new Set(keys).size).toBe(1);
		expect(waits.map((ms) => ms >= askedMs && ms <= askedMs + 250)).toEqual(isRepeated ? [true] : []);
	});
});

describe.each(Object.entries(faults))("%s, again and again", (_, { answer: fault, repeats, code, says }) => {
	it("[X49] ends within the time that a person waits, with one line that says why", async () => {
		for (const one of cases.filter(({ words }) => ["run", "projection", "dead-letter"].includes(words[0] ?? ""))) {
			[clock, waits] = [0, []];
			api.calls.length = 0;
			api.on(one.call, fault);
			const shown = await command(one);
			expect([one.words, shown.code, shown.out]).toEqual([one.words, code, ""]);
			expect(shown.err).toMatch(new RegExp(`^spillway: ${says.source}.*\n$`));
			const isRepeated = repeats === "again" || !one.isOnce;
			expect([callsTo(one.call).length > 1, clock <= 10_000]).toEqual([isRepeated, true]);
		}
	});
});

it("[X49] a server that is not there, and one that asks for more time than a person gives, are said at once", async () => {
	const [one] = cases as [Case];
	api.on(one.call, problem(429, { "retry-after": "600" }));
	expect(await command(one)).toMatchObject({ code: 4, err: expect.stringContaining("Try again in 600 s.") });
	expect(waits).toEqual([]);
	const { url } = api;
	await api.close();
	const refused = await run({ url }, one.words, { input: one.input ?? "", retry });
	expect([refused.code, refused.err.split("\n").length]).toEqual([5, 2]);
	expect(refused.err).toMatch(/^spillway: no answer from 127\.0\.0\.1:\d+: .*ECONNREFUSED/);
	expect(clock).toBeLessThanOrEqual(10_000);
	await api.open();
});

it("[X49] an answer that is torn, or is a proxy's page, is no answer: it is asked for again, and said in a line", async () => {
	for (const fault of [{ fault: "torn" as const }, { text: html }]) {
		for (const one of cases.filter(({ answer }) => answer.json !== undefined)) {
			api.calls.length = 0;
			api.on(one.call, fault, one.answer);
			const { code } = await command(one);
			expect([one.words, code, callsTo(one.call).length]).toEqual(one.isOnce ? [one.words, 5, 1] : [one.words, 0, 2]);
		}
	}
	const [one] = cases as [Case];
	api.on(one.call, { text: html });
	const shown = await command(one);
	expect([shown.code, shown.err]).toEqual([
		5,
		expect.stringMatching(/^spillway: what 127\S+ answered \(200 OK\) is no answer of a Spillway server.*\n$/),
	]);
});

it("[X55] when to try again is a sentence of its own, whatever was said before it", async () => {
	const [one] = cases as [Case];
	const again = { "retry-after": "600" };
	for (const [detail, text] of [
		["Too Many Requests", "busy: Too Many Requests. Try again in 600 s."],
		["Too much at once.", "busy: Too much at once. Try again in 600 s."],
	]) {
		api.on(one.call, { status: 429, headers: again, json: { code: "busy", detail } });
		expect((await command(one)).err).toBe(`spillway: ${text}\n`);
	}
	api.on(one.call, { status: 429, headers: again, text: html });
	expect((await command(one)).err).toMatch(/is a proxy before it\? Try again in 600 s\.\n$/);
});

it("[X48] at a terminal a command says once what it waits for, and in a script nothing", async () => {
	const [one] = cases as [Case];
	for (const isWatched of [true, false]) {
		api.on(one.call, ...Array(3).fill(problem(503, { "retry-after": "1" })), one.answer);
		const { code, err } = await run(api, one.words, { input: one.input ?? "", retry, isWatched });
		const line = "spillway: busy: Too much at once.; trying again for up to 10 s\n";
		expect([code, err]).toEqual([0, isWatched ? line : ""]);
	}
});

it("[X50] a log whose body breaks off is taken up where it broke, and a tail of it is said to be cut", async () => {
	const path = `GET ${web}/jobs/${job}/attempts/1/log`;
	const words = ["job", "log", "acme/web", job, "--attempt", "1"];
	const torn = { fault: "torn" as const, text: "abc" };
	api.on(path, torn, { ...torn, status: 206, text: "de" }, { status: 206, text: "f" });
	expect(await run(api, words, { retry })).toEqual({ code: 0, out: "abcdef", err: "" });
	expect(callsTo(path).map(({ headers }) => headers.range)).toEqual([undefined, "bytes=3-", "bytes=5-"]);
	api.on(`${path}?tail=2`, torn);
	const cut = await run(api, [...words, "--tail", "2"], { retry });
	expect([cut.code, cut.err]).toEqual([5, expect.stringMatching(/^spillway: no answer from .*\n$/)]);
});
