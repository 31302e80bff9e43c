// A run's events through the front door, over SSE and WebSocket.
import { describe, expect, it } from "vitest";
import type { Run } from "../../src/contracts/http/run.ts";
import type { RunEvent } from "../../src/contracts/http/streams/run-events.ts";
import type { Place } from "../api/api-fixture.ts";
import { aRepo, aToken, fetchRaw, job, refusal, send, submit } from "../api/api-fixture.ts";

interface Event {
	id: string;
	event: RunEvent;
}

/** Events until one satisfies `isLast`; then the reader leaves. */
async function eventsUntil(response: Response, isLast: (event: RunEvent) => boolean): Promise<Event[]> {
	const events: Event[] = [];
	let held = "";
	for await (const chunk of response.body ?? []) {
		held += new TextDecoder().decode(chunk);
		for (let cut = held.indexOf("\n\n"); cut >= 0; cut = held.indexOf("\n\n")) {
			const match = /^id: (.*)\ndata: (.*)$/.exec(held.slice(0, cut));
			held = held.slice(cut + 2);
			if (match) events.push({ id: match[1] ?? "", event: JSON.parse(match[2] ?? "") });
		}
		const last = events.at(-1);
		if (last && isLast(last.event)) break;
	}
	return events;
}

async function aRun(): Promise<{ place: Place; run: Run; events: string }> {
	const place = await aRepo();
	const run = await submit(place, [job("build"), job("test", { needs: ["build"] })]);
	return { place, run, events: `${place.path}/runs/${run.id}/events` };
}

const isFinished = (event: RunEvent) => event.type === "run" && event.run.state === "finished";

describe("GET …/runs/{run}/events", () => {
	it("[L21] SSE: the state, then every change, each with its place as id", async () => {
		const { place, run, events } = await aRun();
		const response = await fetchRaw("GET", events);
		expect(response.headers.get("content-type")).toBe("text/event-stream");
		const seen = eventsUntil(response, isFinished);
		expect((await send("POST", `${place.path}/runs/${run.id}/cancel`)).status).toBe(202);
		const [first, ...rest] = await seen;
		expect(first?.event).toMatchObject({
			type: "snapshot",
			run: { id: run.id, jobs: [{ key: "build" }, { key: "test" }] },
		});
		expect(rest.at(-1)?.event).toMatchObject({ run: { outcome: "canceled", counts: { finished: 2 } } });
		for (const { id, event } of [first, ...rest].flatMap((entry) => entry ?? [])) expect(id).toBe(String(event.seq));
	});

	it("[L22] SSE and WebSocket resume behind a place; one that is not kept is 410", async () => {
		const { place, run, events } = await aRun();
		await send("POST", `${place.path}/runs/${run.id}/cancel`);
		const seen = await eventsUntil(await fetchRaw("GET", events), () => true);
		const at = seen[0]?.event.seq ?? 0;
		expect(await refusal("GET", `${events}?after=${at + 1}`)).toBe("410 events-compacted");
		expect(await refusal("GET", `${events}?after=-1`)).toBe("400 after");
		const { webSocket } = await fetchRaw("GET", `${events}?after=${at}`, { headers: { upgrade: "websocket" } });
		webSocket?.accept();
		const next = new Promise<RunEvent>((resolve) =>
			webSocket?.addEventListener("message", ({ data }) => resolve(JSON.parse(String(data)))),
		);
		const back = eventsUntil(await fetchRaw("GET", events, { headers: { "last-event-id": String(at) } }), () => true);
		await send("POST", `${place.path}/runs/${run.id}/retry`, { body: { only: "all" } });
		expect((await next).seq).toBe(at + 1);
		expect((await back)[0]?.event.seq).toBe(at + 1);
		webSocket?.close();
	});

	it("[D8][L21] a new round is told with who asked for it and why", async () => {
		const { place, run, events } = await aRun();
		await send("POST", `${place.path}/runs/${run.id}/cancel`);
		const seen = eventsUntil(await fetchRaw("GET", events), (event) => event.type === "run" && event.run.round === 2);
		const token = await aToken(place.owner, ["write"], { name: "Ops" });
		await send("POST", `${place.path}/runs/${run.id}/retry`, { token, body: { only: "failed", reason: "outage" } });
		const told = await seen;
		expect(told[0]?.event).toMatchObject({ type: "snapshot", run: { round: 1, retried: null } });
		const retried = { actor: "Ops", reason: "outage", at: expect.any(String) };
		expect(told.at(-1)?.event).toMatchObject({ type: "run", run: { round: 2, state: "accepted", retried } });
	});

	it("[L21] an unknown run has no events, and another's are not shown", async () => {
		const { place, events } = await aRun();
		expect(await refusal("GET", `${place.path}/runs/r${"a".repeat(24)}/events`)).toBe("404 run-unknown");
		expect(await refusal("GET", `${place.path}/runs/x/events`)).toBe("404 run-unknown");
		const stranger = await aToken("somebody-else", ["read"]);
		expect(await refusal("GET", events, { token: stranger })).toBe("404 unknown");
	});
});
