// What the tests of the intake share: a repository that is away by its binding alone, calls through the front door, the drain.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Problem } from "../../src/contracts/http/problem.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { SpilledRun } from "../../src/contracts/objects/intake.ts";
import { drainIntake } from "../../src/operations/spill/drain.ts";
import main from "../main.ts";
import { repoCalls } from "../bindings/stubs.ts";
import { job, requestOf } from "../api/api-fixture.ts";
import type { Call, Place } from "../api/api-fixture.ts";
import { intakeOf } from "./intake-store.ts";

export type Fault = "none" | "silent" | "reset" | "late" | "broken";

/** The repositories' namespace with its stubs failing as the platform lets them fail. */
export function repositories(fault: Fault) {
	const call = (id: DurableObjectId, method: string, args: unknown[]) => {
		const stub = env.REPO.get(id) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
		const done = () => stub[method]?.(...args);
		switch (fault) {
			case "silent":
				return new Promise(() => undefined);
			case "reset":
				return Promise.reject(Object.assign(new Error("Durable Object reset"), { retryable: true }));
			case "late":
				// The object does all of it, and its answer is lost.
				return Promise.resolve(done()).then(() =>
					Promise.reject(Object.assign(new Error("Network connection lost."), { retryable: true })),
				);
			case "broken":
				return Promise.reject(new Error("assertion failed: one of ours"));
			case "none":
				return done();
		}
	};
	return {
		idFromName: (name: string) => env.REPO.idFromName(name),
		get: (id: DurableObjectId) =>
			new Proxy(
				{},
				{
					get:
						(_, method) =>
						(...args: unknown[]) =>
							call(id, String(method), args),
				},
			),
	};
}

export interface Told {
	status: number;
	body: Run & Problem;
	replayed: boolean;
	retryAfter: string | null;
	/** Since when it may not be the present truth. */
	stale: string | null;
}

export async function ask(method: string, path: string, call: Call, bindings: object = {}): Promise<Told> {
	const ctx = createExecutionContext();
	// The bell is rung by each test itself.
	const INTAKE = { send: async () => undefined };
	const response = await main.fetch(
		requestOf(method, path, call) as never,
		{ ...env, INTAKE, ...bindings } as never,
		ctx,
	);
	const body = (await response.json()) as Run & Problem;
	await waitOnExecutionContext(ctx);
	const { status, headers } = response;
	const [retryAfter, stale] = [headers.get("retry-after"), headers.get("spillway-stale")];
	return { status, body, replayed: headers.has("idempotency-replayed"), retryAfter, stale };
}

export const away = (fault: Fault = "reset", rest: object = {}) => ({
	REPO: repositories(fault),
	...(fault === "silent" ? { SPILL_AFTER_MS: 5 } : {}),
	...rest,
});

export function submitTo(
	{ path }: Place,
	bindings: object,
	{ key, ...body }: { key?: string; [name: string]: unknown } = {},
) {
	const call = { body: { jobs: [job("a")], ...body }, headers: key ? { "idempotency-key": key } : {} };
	return ask("POST", `${path}/runs`, call, bindings);
}

export const cancelOf = ({ path }: Place, run: { id: string }, bindings: object = {}) =>
	ask("POST", `${path}/runs/${run.id}/cancel`, { body: { reason: "not needed" } }, bindings);

export const ports = {
	repo: (name: { owner: string; repo: string }) => repoCalls(env, name),
	intake: intakeOf(env),
	now: Date.now,
};

export const drain = (place: Place) => drainIntake(ports, place);

/** The record of a run that stands in the intake. */
export async function recordOf(place: Place, run: string): Promise<SpilledRun> {
	const record = await ports.intake.get(place, run);
	if (record === null || record.form !== 1) throw new Error(`${run} does not stand in the intake`);
	return record;
}

export async function intakeKeys({ owner, repo }: Place): Promise<string[]> {
	const listed = await Promise.all(
		["intake/", "intake-canceled/"].map((prefix) => env.ARCHIVE.list({ prefix: `${prefix}${owner}/${repo}/` })),
	);
	return listed.flatMap(({ objects }) => objects.map(({ key }) => key));
}

export const numbered = (run: Pick<Run, "number" | "spilled" | "state">) => `${run.number} ${run.spilled} ${run.state}`;
