// Each way of going wrong, at the real bindings of the runtime: what the caller is told, and what was done all the same.
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Env } from "../../workers/env.ts";
import type { Target, Way } from "../plan/faults.ts";
import { faulty } from "./faulty-bindings.ts";
import { begin, crawlMs, hits } from "./inside-faults.ts";

const real = env as unknown as Env;
const bindings = faulty(real);
const forMs = 10_000;

beforeEach(() => {
	vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
	vi.useRealTimers();
});

interface Case {
	target: Target;
	/** Leaves a trace under that name, through the bindings that may fail. */
	act: (name: string) => Promise<unknown>;
	/** Whether the trace is there, by the runtime's own. */
	isDone: (name: string) => Promise<boolean>;
}

const insert = "INSERT INTO pool (owner, pool) VALUES (?, ?)";
const cases: Case[] = [
	{
		target: "database",
		act: (name) => bindings.DB.prepare(insert).bind(name, "p").run(),
		isDone: async (name) => (await real.DB.prepare("SELECT 1 FROM pool WHERE owner = ?").bind(name).first()) !== null,
	},
	{
		target: "database",
		act: (name) => bindings.DB.batch([bindings.DB.prepare(insert).bind(`${name} batch`, "p")]),
		isDone: async (name) =>
			(await real.DB.prepare("SELECT 1 FROM pool WHERE owner = ?").bind(`${name} batch`).first()) !== null,
	},
	{
		target: "archive",
		act: (name) => bindings.ARCHIVE.put(name, "text"),
		isDone: async (name) => (await real.ARCHIVE.head(name)) !== null,
	},
	{
		target: "repositories",
		act: async (name) => {
			const stub = bindings.REPO.get(bindings.REPO.idFromName(`acme/${name}`)) as unknown as Calls;
			await stub.configure({ owner: "acme", repo: name, request: {}, replace: true });
		},
		isDone: async (name) => {
			const stub = real.REPO.get(real.REPO.idFromName(`acme/${name}`)) as unknown as Calls;
			return (await stub.settings()).ok;
		},
	},
];

interface Calls {
	configure(call: object): Promise<unknown>;
	settings(): Promise<{ ok: boolean }>;
}

const met = (way: Way, target: Target) => hits()[`${way}-${target}`] ?? 0;

describe.each(cases)("calls of $target", ({ target, act, isDone }) => {
	it("[H6] fail with nothing done, lose their answer with all done, and are whole without a fault", async () => {
		const name = `n${crypto.randomUUID().slice(0, 8)}`;
		const before = met("fail", target);
		begin({ target, way: "fail", forMs, every: 1 });
		await expect(act(name)).rejects.toMatchObject({ retryable: true });
		expect([await isDone(name), met("fail", target) - before]).toEqual([false, 1]);
		vi.setSystemTime(Date.now() + forMs);
		begin({ target, way: "lose", forMs, every: 1 });
		await expect(act(name)).rejects.toMatchObject({ retryable: true });
		expect(await isDone(name)).toBe(true);
		vi.setSystemTime(Date.now() + forMs);
		await act(`${name}2`);
		expect(await isDone(`${name}2`)).toBe(true);
	});

	it("[H6] crawl, each second one where so asked", async () => {
		const name = `n${crypto.randomUUID().slice(0, 8)}`;
		begin({ target, way: "crawl", forMs, every: 2 });
		const from = performance.now();
		await act(name);
		const crawled = performance.now() - from;
		await act(`${name}2`);
		expect([await isDone(name), await isDone(`${name}2`)]).toEqual([true, true]);
		expect(crawled).toBeGreaterThanOrEqual(crawlMs - 50);
	});
});

it("[H6] messages are dropped, doubled and held back without a word to their sender", async () => {
	const sent: { body: unknown; options: object }[] = [];
	const send = vi.spyOn(real.EVENTS, "send").mockImplementation(async (body, options) => {
		sent.push({ body, options: options ?? {} });
		return undefined as never;
	});
	const queue = faulty({ ...real }).EVENTS;
	for (const way of ["drop", "double", "delay"] as const) {
		begin({ target: "messages", way, forMs, every: 1 });
		await queue.send(way as never);
		vi.setSystemTime(Date.now() + forMs);
	}
	begin({ target: "queues", way: "fail", forMs, every: 1 });
	await expect(queue.send("fail" as never)).rejects.toThrow("Network connection lost.");
	send.mockRestore();
	expect(sent).toEqual([
		{ body: "double", options: {} },
		{ body: "double", options: {} },
		{ body: "delay", options: { delaySeconds: 5 } },
	]);
});
