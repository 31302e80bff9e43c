// What readiness asks of a real D1: a database that answers may have lost what is needed of it.
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, it, vi } from "vitest";
import type { ReadinessAnswer } from "../src/doors/http/readiness.ts";
import worker from "./main.ts";

/** By an instance that has not looked yet. */
async function ready(): Promise<string> {
	const ctx = createExecutionContext();
	const request = new Request("https://spillway.test/readyz");
	const answer = await (await worker.fetch(request as never, { ...env }, ctx)).json<ReadinessAnswer>();
	await waitOnExecutionContext(ctx);
	return `${answer.status}: database ${answer.dependencies.database?.status}`;
}

it("[A42] a database that answers, without a table or a column that is needed, is down", async () => {
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	expect(await ready()).toBe("ok: database ok");
	await env.DB.exec("ALTER TABLE token RENAME COLUMN revoked_at TO other");
	expect((await env.DB.prepare("SELECT 1").run()).success).toBe(true);
	expect(await ready()).toBe("degraded: database down");
	await env.DB.exec("ALTER TABLE token RENAME COLUMN other TO revoked_at");
	expect(await ready()).toBe("ok: database ok");
	await env.DB.exec("DROP TABLE audit");
	expect(await ready()).toBe("degraded: database down");
});
