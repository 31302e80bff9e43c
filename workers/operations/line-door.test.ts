// A second door in front of the real objects: a runner that knows no HTTP does a job over lines of JSON.
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { parseKeys, readToken } from "../../src/auth/token.ts";
import type { TokenKind } from "../../src/contracts/objects/token-payload.ts";
import type { Run } from "../../src/contracts/http/run.ts";
import type { Caller } from "../../src/operations/access.ts";
import { linesOf, serveLines } from "../../src/testing/line-door.ts";
import type { LineAnswer, LineCall } from "../../src/testing/line-door.ts";
import type { Env } from "../env.ts";
import { logOf } from "../log/log-fixture.ts";
import { aRepository } from "../repo/queue-fixture.ts";
import { wire } from "../wire.ts";

const owner = "line-door";

function caller(name: string, scopes: ("read" | "write" | "runner:register")[]): Caller {
	const access = { id: `tk-${name}`, owner, name, scopes, repos: null, expiresAt: null };
	return { who: { kind: "token", access }, name, address: null };
}

/** The client's end of a connection to the door. */
function connect() {
	const bound = env as unknown as Env;
	const keys = parseKeys(bound.SPILLWAY_SIGNING_KEYS);
	const callers = new Map([
		["developer", caller("dev", ["read", "write"])],
		["machine", caller("box", ["runner:register"])],
	]);
	const door = {
		ports: wire(bound, (work) => void work),
		callers,
		readToken: <Kind extends TokenKind>(kind: Kind, token: string) => readToken(keys, kind, token),
	};
	const asked = new IdentityTransformStream();
	const answered = new IdentityTransformStream();
	const served = serveLines(door, { readable: asked.readable, writable: answered.writable });
	const writer = asked.writable.getWriter();
	const lines = linesOf(answered.readable);
	return {
		async ask<T = unknown>(call: LineCall): Promise<T> {
			await writer.write(new TextEncoder().encode(`${JSON.stringify(call)}\n`));
			const { value } = await lines.next();
			const answer = JSON.parse(value ?? "null") as LineAnswer;
			return ("refused" in answer ? answer.refused : answer.value) as T;
		},
		async leave(): Promise<void> {
			await writer.close();
			await served;
		},
	};
}

describe("a second door", () => {
	it("[O6] registers a runner, and takes, starts, logs and finishes a job by operations alone", async () => {
		const repository = { owner, repo: (await aRepository({}, owner)).repo };
		const developer = connect();
		const machine = connect();
		expect(await developer.ask({ ask: "run", repository, run: "r" })).toBe("unknown");
		await developer.ask({ ask: "hello", password: "developer" });
		await machine.ask({ ask: "hello", password: "machine" });
		const request = { jobs: [{ key: "test", run: "true" }] };
		expect(await machine.ask({ ask: "submit", repository, request })).toBe("scope-missing");
		const { run } = await developer.ask<{ run: Run }>({ ask: "submit", repository, request });

		await machine.ask({ ask: "register", owner, pool: "default", request: { name: "box" } });
		const { lease, job } = await machine.ask<{ lease: string; job: string }>({ ask: "acquire", waitSeconds: 10 });
		expect(await machine.ask({ ask: "start", lease: "another" })).toBe("unknown");
		expect(await machine.ask({ ask: "start", lease })).toMatchObject({
			job: { id: job, state: "running" },
			lease: "ok",
		});
		expect(await machine.ask({ ask: "log", lease, offset: 7, text: "gap" })).toBe("log-gap");
		expect(await machine.ask({ ask: "log", lease, offset: 0, text: "hello\n" })).toMatchObject({
			length: 6,
			lease: "ok",
		});
		expect(await machine.ask({ ask: "steps", lease })).toEqual({ lease: "ok" });
		await machine.ask({ ask: "finish", lease, report: { outcome: "passed", exitCode: 0, logLength: 6 } });
		expect(await machine.ask({ ask: "steps", lease })).toBe("lease-stale");

		const { value: done } = await developer.ask<{ value: Run }>({ ask: "run", repository, run: run.id });
		expect([done.state, done.outcome]).toEqual(["finished", "passed"]);
		const log = logOf({ ...repository, job, attempt: 1 });
		await vi.waitFor(async () => expect(await log.status()).toBeNull());
		await Promise.all([developer.leave(), machine.leave()]);
	});
});
