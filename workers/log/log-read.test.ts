// A log as lines, through the front door: times, JSON, search and downloads, of a live log and of the same one sealed.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { orThrow } from "../../src/doors/http/answer.ts";
import type { LeaseIdentity } from "../../src/contracts/objects/objects.ts";
import { fetchRaw, refusal, send } from "../api/api-fixture.ts";
import { archiveKey } from "./archive.ts";
import { closeOf, eventually, logOf, sealNow, startLease } from "./log-fixture.ts";

const text = new TextEncoder();
const start = Date.parse("2026-11-24T07:00:00.000Z");
let lease: LeaseIdentity;
let path: string;

beforeEach(() => begin());

async function begin(logBytesMax?: number): Promise<void> {
	lease = await startLease(logBytesMax);
	path = `/v1/repos/${lease.owner}/${lease.repo}/jobs/${lease.job}/attempts/1/log`;
}

afterEach(() => {
	vi.useRealTimers();
});

/** Appends one second after the other. */
async function print(parts: readonly string[]): Promise<void> {
	let offset = 0;
	for (const [second, part] of parts.entries()) {
		vi.useFakeTimers({ toFake: ["Date"], now: start + second * 1_000 });
		const bytes = text.encode(part);
		await logOf(lease).append(lease, offset, bytes);
		offset += bytes.length;
	}
	vi.useRealTimers();
}

async function seal(length: number): Promise<void> {
	await logOf(lease).close(closeOf(lease, { length }));
	await eventually(async () => (await env.ARCHIVE.head(archiveKey(lease))) !== null);
	await sealNow(lease);
}

async function inBothStates(length: number, check: () => Promise<void>): Promise<void> {
	await check();
	await seal(length);
	await check();
}

async function textOf(query: string): Promise<string> {
	const response = await fetchRaw("GET", `${path}?${query}`);
	expect(response.status).toBe(200);
	return response.text();
}

describe("a log as lines", () => {
	it("[L24] each line has the time of its first byte before it, of a part as of the whole", async () => {
		await print(["one\ntw", "o\nthree\n", "\u001b[32mfour"]);
		await inBothStates(23, async () => {
			const stamped = [
				"2026-11-24T07:00:00.000Z one\n",
				"2026-11-24T07:00:00.000Z two\n",
				"2026-11-24T07:00:01.000Z three\n",
				"2026-11-24T07:00:02.000Z \u001b[32mfour",
			];
			expect(await textOf("timestamps=1")).toBe(stamped.join(""));
			expect(await textOf("timestamps=1&tail=2")).toBe(stamped.slice(2).join(""));
		});
	});

	it("[L24] over many blocks and rows, through sleep, every byte keeps its time", async () => {
		const parts = Array.from({ length: 40 }, (_, second) => `${second} ${"x".repeat(30_000)}\n`);
		await print(parts);
		const length = parts.join("").length;
		await inBothStates(length, async () => {
			const lines = (await textOf("timestamps=1")).split("\n");
			lines.pop();
			const expected = parts.map(
				(part, second) => `${new Date(start + second * 1_000).toISOString()} ${part.trimEnd()}`,
			);
			expect(lines).toEqual(expected);
		});
	});

	it("[L30] as JSON, with place, time, step and text", async () => {
		const step = { exitCode: 0, startedAt: start, finishedAt: start };
		await logOf(lease).steps(lease, [{ ...step, name: "build", logStart: 0, logEnd: 12 }]);
		await print(["\u001b[32mok\u001b[0m\r\n", "end"]);
		const response = await fetchRaw("GET", `${path}?format=ndjson`);
		expect(response.headers.get("content-type")).toBe("application/x-ndjson");
		const lines = (await response.text())
			.trimEnd()
			.split("\n")
			.map((line) => JSON.parse(line));
		expect(lines).toEqual([
			{ offset: 0, time: "2026-11-24T07:00:00.000Z", step: "build", text: "ok" },
			{ offset: 13, time: "2026-11-24T07:00:01.000Z", step: null, text: "end" },
		]);
		expect(await textOf("format=ndjson&tail=1")).toContain('"text":"end"');
	});

	it("[L30] as JSON, a line too long for one piece in several that are cut at characters", async () => {
		const long = `a${"€".repeat(60_000)}`;
		await print([long, "\nnext\n"]);
		const pieces = (await textOf("format=ndjson"))
			.trimEnd()
			.split("\n")
			.map((line): string => JSON.parse(line).text);
		expect(pieces.pop()).toBe("next");
		expect(pieces.length).toBeGreaterThan(1);
		expect(pieces.join("")).toBe(long);
	});

	it("[L30] a query that is none is refused, and a download has a name", async () => {
		await print(["one\n"]);
		for (const query of ["format=xml", "timestamps=yes", "download=2", "tail=x"]) {
			expect(await refusal("GET", `${path}?${query}`)).toBe(`400 ${query.split("=")[0]}`);
		}
		const { headers } = await fetchRaw("GET", `${path}?download=1`);
		expect(headers.get("content-disposition")).toBe(
			`attachment; filename="${lease.owner}-${lease.repo}-${lease.job}-1.log"`,
		);
	});
});

interface Page {
	items: { offset: number; line: number; text: string; before: string[]; after: string[] }[];
	nextCursor: string | null;
}

describe("search", () => {
	it("[L27] over live and sealed, page by page, with what stands around", async () => {
		const lines = Array.from({ length: 20_000 }, (_, at) =>
			at % 4_000 === 7 ? `needle ${at}` : `hay ${at} ${"x".repeat(at % 50)}`,
		);
		const whole = `${lines.join("\n")}\n`;
		await print([whole.slice(0, 400_000), whole.slice(400_000)]);
		await inBothStates(whole.length, async () => {
			const found: Page["items"] = [];
			let cursor: string | null = null;
			do {
				const from: string = cursor === null ? "" : `&cursor=${cursor}`;
				const { body }: { body: Page } = await send<Page>("GET", `${path}/search?q=needle&limit=2${from}`);
				expect(body.items.length).toBeLessThanOrEqual(2);
				found.push(...body.items);
				cursor = body.nextCursor;
			} while (cursor !== null);
			expect(found.map(({ line }) => line)).toEqual([8, 4_008, 8_008, 12_008, 16_008]);
			for (const { offset, line, text: shown, before, after } of found) {
				expect(whole.startsWith(shown, offset)).toBe(true);
				expect(before).toEqual(lines.slice(line - 3, line - 1));
				expect(after).toEqual(lines.slice(line, line + 2));
			}
		});
	});

	it("[L27][A60] one answer reads at most 4 MiB: of a larger log it may be empty, and the next goes on", async () => {
		await begin(8 * 1024 * 1024);
		const hay = text.encode(`${"hay".repeat(21_845)}\n`.repeat(16));
		let offset = 0;
		for (let parts = 0; parts < 5; parts++) {
			orThrow(await logOf(lease).append(lease, offset, hay));
			offset += hay.length;
		}
		await logOf(lease).append(lease, offset, text.encode("a needle\n"));
		const { body: first } = await send<Page>("GET", `${path}/search?q=needle`);
		expect(first).toMatchObject({ items: [], nextCursor: expect.any(String) });
		const { body: second } = await send<Page>("GET", `${path}/search?q=needle&cursor=${first.nextCursor}`);
		expect(second).toMatchObject({ items: [{ offset, line: 5 * 16 + 1, text: "a needle" }], nextCursor: null });
	});

	it("[L27] wants a text of one line; an unknown log has nothing to search", async () => {
		await print(["one\n"]);
		expect(await refusal("GET", `${path}/search`)).toBe("400 q");
		expect(await refusal("GET", `${path}/search?q=a%0Ab`)).toBe("400 q");
		expect(await refusal("GET", `${path}/search?q=a&cursor=x`)).toBe("400 cursor");
		expect(await refusal("GET", `${path.replace("/1/", "/2/")}/search?q=a`)).toBe("404 attempt-unknown");
	});
});
