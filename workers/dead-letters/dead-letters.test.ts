// Dead letters, from a message that fails to the operator who sends it again: through the consumer and the front door.
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, it, vi } from "vitest";
import type { DeadLetter, Redriven } from "../../src/contracts/http/dead-letter.ts";
import { triesMax } from "../../src/contracts/objects/dead-letters.ts";
import type { ChangeEvent } from "../../src/contracts/objects/events.ts";
import { fetchRaw, aRepo, job, refusal, send, submit } from "../api/api-fixture.ts";
import main from "../main.ts";

afterEach(async () => {
	vi.restoreAllMocks();
	for (const { id } of await letters()) await send("DELETE", `/v1/dead-letters/${id}`);
});

interface Sent {
	id: string;
	body: unknown;
	attempts: number;
}

async function consume(queue: string, sent: Sent[], bindings: object = {}) {
	vi.spyOn(console, "error").mockReturnValue();
	const batch = createMessageBatch(
		queue,
		sent.map((message, at) => ({ ...message, timestamp: new Date(1_700_000_000_000 + at) })),
	);
	const context = createExecutionContext();
	await main.queue?.(batch as never, { ...env, ...bindings } as never);
	const { explicitAcks, retryMessages } = await getQueueResult(batch, context);
	return { acks: explicitAcks.sort(), retries: retryMessages.map(({ msgId }) => msgId).sort() };
}

async function letters(): Promise<DeadLetter[]> {
	return (await send<{ items: DeadLetter[] }>("GET", "/v1/dead-letters?limit=100")).body.items;
}

async function aPoison(): Promise<{ bad: unknown; good: ChangeEvent }> {
	const place = await aRepo();
	const { jobs: _, ...run } = await submit(place, [job("a")]);
	const good = { owner: place.owner, repo: place.repo, at: Date.now(), repository: null, run };
	return { good, bad: { ...good, run: { ...run, id: "bad", createdAt: "never", actor: null } } };
}

async function lettersCounted(): Promise<number> {
	const text = new TextDecoder().decode(await (await fetchRaw("GET", "/metrics")).arrayBuffer());
	return Number(/^spillway_dead_letters_total\{queue="events"\} (\d+)$/m.exec(text)?.[1]);
}

it("[Q9][K29] a message is kept after its last try, with its reason, tries and body; before it is tried again", async () => {
	const { bad, good } = await aPoison();
	const last = triesMax.events;
	const early = await consume("spillway-events", [{ id: "m1", body: bad, attempts: last - 1 }]);
	expect([early, await letters()]).toEqual([{ acks: [], retries: ["m1"] }, []]);
	const both = [
		{ id: "m1", body: bad, attempts: last },
		{ id: "m2", body: good, attempts: 1 },
	];
	const counted = await lettersCounted();
	expect(await consume("spillway-events", both)).toEqual({ acks: ["m1", "m2"], retries: [] });
	expect(await lettersCounted()).toBe(counted + 1);
	expect(await letters()).toEqual([
		{
			id: expect.stringMatching(/^dl\d{13}m1$/),
			queue: "events",
			at: "2023-11-14T22:13:20.000Z",
			tries: last,
			reason: expect.stringContaining("NOT NULL"),
			body: bad,
		},
	]);
});

it("[Q9] what nobody can read, and what its consumer died of, is kept too; kept twice it is there once", async () => {
	await consume("spillway-deliveries", [{ id: "m1", body: { strange: true }, attempts: 1 }]);
	await consume("spillway-events-dead", [{ id: "m2", body: 7, attempts: 1 }]);
	await consume("spillway-events-dead", [{ id: "m2", body: 7, attempts: 2 }]);
	const kept = (await letters()).map(({ queue, reason, body }) => [queue, reason, body]);
	expect(kept).toEqual(
		expect.arrayContaining([
			["deliveries", "it has no form that is known", { strange: true }],
			["events", "its consumer died of it", 7],
		]),
	);
	expect(kept).toHaveLength(2);
});

it("[Q9] what cannot be kept now is not acknowledged", async () => {
	const ARCHIVE = { put: () => Promise.reject(new Error("internal error")) };
	const sent = [{ id: "m1", body: "text", attempts: triesMax.events }];
	expect(await consume("spillway-events", sent, { ARCHIVE })).toEqual({ acks: [], retries: ["m1"] });
	expect(await consume("spillway-events-dead", sent, { ARCHIVE })).toEqual({ acks: [], retries: ["m1"] });
	expect(await letters()).toEqual([]);
});

it("[Q10] one is sent to its queue again and is gone; all of a queue likewise; one is dropped", async () => {
	const { good } = await aPoison();
	const dead = ["m1", "m2", "m3"].map((id) => ({ id, body: good, attempts: 1 }));
	await consume("spillway-events-dead", dead);
	await consume("spillway-deliveries-dead", [{ id: "m4", body: { strange: true }, attempts: 1 }]);
	const of = async (message: string) => (await letters()).find(({ id }) => id.endsWith(message));
	const one = await send<DeadLetter>("POST", `/v1/dead-letters/${(await of("m1"))?.id}/redrive`);
	expect([one.status, one.body.body, await of("m1")]).toEqual([202, good, undefined]);
	const all = await send<Redriven>("POST", "/v1/dead-letters/redrive", { body: { queue: "events" } });
	expect([all.status, all.body]).toEqual([202, { redriven: 2, more: false }]);
	expect((await letters()).map(({ queue }) => queue)).toEqual(["deliveries"]);
	expect((await send("DELETE", `/v1/dead-letters/${(await of("m4"))?.id}`)).status).toBe(204);
	expect(await letters()).toEqual([]);
	for (const id of ["dlgone", "a".repeat(2_000)]) {
		const { status, headers } = await send("DELETE", `/v1/dead-letters/${id}`);
		expect([status, headers.get("spillway-absent")]).toEqual([204, "true"]);
	}
	expect(await refusal("POST", "/v1/dead-letters/dlgone/redrive")).toBe("404 dead-letter-unknown");
});

it("[Q10] a list goes on where it ended, newest first; nobody but the operator sees any", async () => {
	await consume(
		"spillway-events-dead",
		Array.from({ length: 5 }, (_, at) => ({ id: `m${at}`, body: at, attempts: 1 })),
	);
	const seen: unknown[] = [];
	let query = "";
	do {
		const { body } = await send<{ items: DeadLetter[]; nextCursor: string | null }>(
			"GET",
			`/v1/dead-letters?limit=2${query}`,
		);
		seen.push(...body.items.map((letter) => letter.body));
		query = body.nextCursor === null ? "" : `&cursor=${encodeURIComponent(body.nextCursor)}`;
	} while (query !== "");
	expect(seen).toEqual([4, 3, 2, 1, 0]);
	const { owner } = await aRepo();
	const { token } = (
		await send<{ token: string }>("POST", "/v1/tokens", { body: { owner, name: "x", scopes: ["admin"] } })
	).body;
	expect(await refusal("GET", "/v1/dead-letters", { token })).toBe("403 operator-only");
	expect(await refusal("POST", "/v1/dead-letters/redrive", { token, body: {} })).toBe("403 operator-only");
	expect(await refusal("GET", "/v1/dead-letters?cursor=../x")).toBe("400 cursor");
});
