// A runner through each way in which its calls fail, each call of a job three times over: no log and no finish is lost, nothing is
// done twice, and what it asks of the server stays little.
import { afterEach, describe, expect, it } from "vitest";
import { problem } from "../testing/fake-server/fake-server.ts";
import type { FakeAnswer } from "../testing/fake-server/fake-server.ts";
import { buildGrant } from "../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../testing/fake-server/fake-server-runner.ts";

const failures = 3;
/** What a proxy says is no problem of the server's. */
const page = { headers: { "content-type": "text/html" }, text: "<html>Bad Gateway</html>" };

const faults: Record<string, FakeAnswer> = {
	"429 with Retry-After": problem(429, "rate-limited", { "retry-after": "0.3" }),
	"429 without": problem(429, "rate-limited"),
	"503 with Retry-After": problem(503, "unavailable", { "retry-after": "0.3" }),
	"503 without": problem(503, "unavailable"),
	"502 of a proxy": { status: 502, ...page },
	"a redirect to a page": { status: 302, ...page, headers: { ...page.headers, location: "https://away.example/" } },
	"a page in place of the answer": { status: 200, ...page },
	"a page that says 404": { status: 404, ...page },
	"a page that says 403": { status: 403, ...page },
	"a proxy's JSON that says 404": { status: 404, json: { message: "no route matched", code: 7003 } },
	"200 and an empty body": { status: 200, text: "" },
	"200 and null": { status: 200, json: null },
	"200 and {}": { status: 200, json: {} },
	"a reset before it is heard": { status: 0, fault: "reset" },
	"an answer that is torn": { status: 0, fault: "torn" },
	"an answer that is lost": { status: 0, fault: "lost" },
};

let fixture: FakeServerRunner;
afterEach(() => fixture.close());

describe.each(Object.entries(faults))("%s", (_, fault) => {
	it("[N195] loses no log and no finish of a runner, and registers one runner", async () => {
		fixture = new FakeServerRunner();
		const { server } = fixture;
		await server.open();
		const failed = new Map<string, number>();
		server.intercept = ({ path }) => {
			const before = failed.get(path) ?? 0;
			failed.set(path, before + 1);
			if (before >= failures) return null;
			// A grant that is lost lapses, which is the server's to do [J3].
			return fault.fault === "lost" && path === "/v1/runner/acquire" ? { status: 0, fault: "reset" } : fault;
		};
		await fixture.start();
		const lines = Array.from({ length: 40 }, (_, at) => `line ${at}`);
		const lease = server.offer(buildGrant({ run: `for n in {0..39}; do echo "line $n"; sleep 0.01; done; exit 3` }));
		await server.until(() => server.callsTo("/v1/lease/finish").length > failures && lease.finish !== null);
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: 3, logLength: lease.log.length });
		expect(lease.text.split("\n").filter((line) => line.startsWith("line"))).toEqual(lines);
		const registrations = server.calls.filter(({ path }) => path.endsWith("/runners"));
		expect(new Set(registrations.map(({ headers }) => headers["idempotency-key"])).size).toBe(1);
		const finishes = server.callsTo("/v1/lease/finish").map(({ body }) => body.toString());
		expect([finishes.length, new Set(finishes).size]).toEqual([failures + 1, 1]);
		for (const path of ["/v1/runner/acquire", "/v1/lease/start", "/v1/lease/log"]) {
			expect([path, (failed.get(path) ?? 0) > failures]).toEqual([path, true]);
		}
	});
});
