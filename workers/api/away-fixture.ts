// Dependencies taken away, for tests of what is left: bindings of which nothing answers, and the Worker asked with them.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { vi } from "vitest";
import type { Problem } from "../../src/contracts/http/problem.ts";
import main from "../main.ts";
import { requestOf } from "./api-fixture.ts";
import type { Call } from "./api-fixture.ts";

const broken = Object.assign(new Error("Network connection lost."), { retryable: true });
export const fails = () => Promise.reject(broken);

/** Objects of one kind, of which none answers. */
export const noObjects = (namespace: DurableObjectNamespace) => ({
	idFromName: (name: string) => namespace.idFromName(name),
	get: () => new Proxy({}, { get: () => fails }),
});
export const statement = (): object => ({ bind: statement, all: fails, run: fails, raw: fails, first: fails });
export const noDatabase = { prepare: statement, batch: fails, exec: fails };
export const noBucket = { get: fails, put: fails, list: fails, head: fails, delete: fails };
export const noQueue = { send: fails, sendBatch: fails };

/** The database of this very environment, so that what an isolate remembers of it is still there; until mocks are restored. */
export function takeDatabaseAway(): void {
	vi.spyOn(env.DB, "prepare").mockImplementation(statement as never);
	vi.spyOn(env.DB, "batch").mockImplementation(fails as never);
}

export interface Told<T> {
	status: number;
	body: T & Problem;
	stale: string | null;
}

/** `bindings` in place of the server's own. */
export async function ask<T = unknown>(
	method: string,
	path: string,
	bindings: object,
	call: Call = {},
): Promise<Told<T>> {
	const ctx = createExecutionContext();
	const response = await main.fetch(requestOf(method, path, call) as never, { ...env, ...bindings } as never, ctx);
	const text = await response.text();
	await waitOnExecutionContext(ctx);
	const body = text === "" ? null : JSON.parse(text);
	return { status: response.status, body, stale: response.headers.get("spillway-stale") };
}
