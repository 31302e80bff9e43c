// How long the session loop waits between two tries for a session, by a clock that is moved by hand.
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Outage } from "../../contracts/wire/outage.ts";
import { repeatDefaults } from "../../client/retryable.ts";
import { Health } from "../machine/health.ts";
import { Gate } from "./gate.ts";
import { HeldJobs } from "./held-jobs.ts";
import type { Registration } from "./registration.ts";
import { sessionLoop } from "./session-loop.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it.each([0.25, 0.5, 1])(
	"[N60][N61] the wait is a random part (%f) of a bound that doubles to a minute",
	async (part) => {
		const over = new AbortController();
		let tries = 0;
		const registration = {
			current: async () => {
				tries++;
				throw new Outage("nobody there", { isSafeToRepeat: true });
			},
		} as unknown as Registration;
		const loop = sessionLoop({
			...{ url: "http://127.0.0.1:1", registration, held: new HeldJobs(1), capacity: 1, instanceId: "one" },
			policy: { ...repeatDefaults, initialMs: 1_000, random: () => part },
			...{ eventLog: () => {}, polling: new Gate(false), draining: new AbortController().signal },
			...{ signal: over.signal, onGrant: () => {}, onDraining: () => {} },
			health: new Health({ look: async () => null, eventLog: () => {}, random: () => 0 }),
		});
		await vi.advanceTimersByTimeAsync(0);
		const waits: number[] = [];
		for (const bound of [1, 2, 4, 8, 16, 32, 60, 60]) {
			const before = tries;
			const wait = bound * part * 1_000;
			await vi.advanceTimersByTimeAsync(wait - 1);
			expect(tries).toBe(before);
			await vi.advanceTimersByTimeAsync(1);
			waits.push(tries - before);
		}
		expect(waits).toEqual([1, 1, 1, 1, 1, 1, 1, 1]);
		over.abort();
		await loop;
	},
);
