// An isolate that has just come up: it goes by the stored switches from its first answer on, and asks again where it got none.
import { env as bindings } from "cloudflare:workers";
import { createExecutionContext } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Switches } from "../../src/contracts/http/switches.ts";
import { aRepo, job, requestOf, send } from "../api/api-fixture.ts";
import type { Place } from "../api/api-fixture.ts";
import type { Env } from "../env.ts";
import main from "../main.ts";
import { moveClock } from "../testing/clock-fixture.ts";

type Asked = "runs" | "list";

const env = bindings as unknown as Env;
/** Of the isolate that a test is about; its objects are shared with all others. */
let fresh = env;
let away: (() => Promise<never>) | null = null;

const lost = () => new Promise<never>(() => undefined);
const failing = () => Promise.reject(new Error("the switches are broken"));

/** With nothing in mind: an isolate knows the switches by its binding, and this is another one of the same object. */
function comeUp(): void {
	const real = env.SWITCHES;
	const get: typeof real.get = (id) => {
		const stub = real.get(id);
		const read: typeof stub.fetch = (...call) => away?.() ?? stub.fetch(...call);
		return { fetch: read } as typeof stub;
	};
	const binding = { get, idFromName: (name: string) => real.idFromName(name) } as typeof real;
	fresh = { ...env, SWITCHES: binding };
}

async function ask({ path }: Place, what: Asked) {
	const ctx = createExecutionContext();
	const request =
		what === "list"
			? requestOf("GET", `${path}/runs`, {})
			: requestOf("POST", `${path}/runs`, { body: { jobs: [job("a")] } });
	const response = await main.fetch(request as never, fresh as never, ctx);
	const body = (await response.json()) as { stale?: boolean; code?: string };
	const { status } = response;
	return { status, stale: body.stale, code: body.code };
}

async function set(patch: Partial<Switches>): Promise<void> {
	expect((await send("PATCH", "/v1/switches", { body: patch })).status).toBe(200);
}

beforeEach(() => {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
});
afterEach(async () => {
	vi.useRealTimers();
	vi.restoreAllMocks();
	away = null;
	await set({ acceptRuns: true, project: true });
});

it("[M15] the first answers of an isolate go by the stored switches, however many come at once", async () => {
	const place = await aRepo();
	await set({ acceptRuns: false, project: false });
	comeUp();
	const answers = await Promise.all((["list", "runs", "list", "runs"] as const).map((what) => ask(place, what)));
	expect(answers.map(({ status, stale, code }) => [status, stale ?? code])).toEqual([
		[200, true],
		[503, "runs-refused"],
		[200, true],
		[503, "runs-refused"],
	]);
});

it.each([
	["fails", failing],
	["is lost", lost],
])(
	"[M16] where a read of the switches %s the first answer goes by the defaults, and they are read a second later",
	async (_, isAway) => {
		const place = await aRepo();
		await set({ acceptRuns: false });
		away = isAway;
		comeUp();
		expect((await ask(place, "runs")).status).toBe(201);
		away = null;
		moveClock(1_000);
		expect((await ask(place, "runs")).code).toBe("runs-refused");
	},
);

it("[M16] while they do not answer they are asked for ever more seldom, and are heeded as soon as they do", async () => {
	const place = await aRepo();
	await set({ acceptRuns: false });
	const asked = new Set<number>();
	moveClock(0);
	const beganAt = Date.now();
	away = () => {
		asked.add((Date.now() - beganAt) / 1_000);
		return failing();
	};
	comeUp();
	for (let second = 1; second <= 70; second++) {
		await ask(place, "list");
		vi.setSystemTime(beganAt + second * 1_000);
	}
	expect([...asked]).toEqual([0, 1, 3, 7, 15, 31, 61]);
	away = null;
	vi.setSystemTime(beganAt + 91_000);
	expect((await ask(place, "runs")).code).toBe("runs-refused");
});
