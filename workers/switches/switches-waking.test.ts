// An isolate that has just come up: it goes by the stored switches from its first answer on, and asks again where it got none.
import { env as bindings } from "cloudflare:workers";
import { createExecutionContext } from "cloudflare:test";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { MockInstance } from "vitest";
import type { Switches } from "../../src/contracts/http/switches.ts";
import { aRepo, job, requestOf, send } from "../api/api-fixture.ts";
import type { Place } from "../api/api-fixture.ts";
import type { Env } from "../env.ts";
import main from "../main.ts";
import { SwitchesObject } from "./switches-object.ts";
import { forgetSwitches } from "./switches.ts";
import { moveClock } from "../testing/clock-fixture.ts";

const env = bindings as unknown as Env;
type Asked = "runs" | "list";

const lost = () => new Promise<never>(() => undefined);
const failing = () => Promise.reject(new Error("the switches are broken"));

/** For this whole isolate, so that no object that wakes meanwhile reads them for the others. */
function noRead(instead: () => Promise<never>): MockInstance {
	return vi.spyOn(SwitchesObject.prototype, "read").mockImplementation(instead as never);
}

async function ask({ path }: Place, what: Asked) {
	const ctx = createExecutionContext();
	const request =
		what === "list"
			? requestOf("GET", `${path}/runs`, {})
			: requestOf("POST", `${path}/runs`, { body: { jobs: [job("a")] } });
	const response = await main.fetch(request as never, env as never, ctx);
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
	await set({ acceptRuns: true, project: true });
});

it("[M15] the first answers of an isolate go by the stored switches, however many come at once", async () => {
	const place = await aRepo();
	await set({ acceptRuns: false, project: false });
	forgetSwitches();
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
	async (_, away) => {
		const place = await aRepo();
		await set({ acceptRuns: false });
		const read = noRead(away);
		forgetSwitches();
		expect((await ask(place, "runs")).status).toBe(201);
		read.mockRestore();
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
	const read = noRead(() => {
		asked.add((Date.now() - beganAt) / 1_000);
		return failing();
	});
	forgetSwitches();
	for (let second = 1; second <= 70; second++) {
		await ask(place, "list");
		vi.setSystemTime(beganAt + second * 1_000);
	}
	expect([...asked]).toEqual([0, 1, 3, 7, 15, 31, 61]);
	read.mockRestore();
	vi.setSystemTime(beganAt + 91_000);
	expect((await ask(place, "runs")).code).toBe("runs-refused");
});
