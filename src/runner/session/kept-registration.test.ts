// Who a runner is after a restart, and what its folder says of it to whoever else reads there.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import type { RunnerOptions } from "../runner.ts";
import { openRegistration, sealRegistration } from "./kept-registration.ts";

let fixture: FakeServerRunner;
afterEach(() => fixture?.close());

const file = () => join(fixture.workDir, "runner.json");

async function started(options: Partial<RunnerOptions> = {}): Promise<void> {
	await fixture.start(options);
	await fixture.runToEnd();
}

async function restarted(options: Partial<RunnerOptions> = {}): Promise<void> {
	fixture.runner?.drain("a restart");
	await fixture.done;
	await started(options);
}

describe("a registration in the runner's folder", () => {
	const runner = { id: "rn1", token: "spw_runner_its-own", heartbeatSeconds: 10 };
	const seal = { subject: "acme/default", by: "spw_access_registers" };

	it("[N202] has the runner's token in no form that is read without the token which registered it", () => {
		const kept = sealRegistration(runner, seal);
		expect(JSON.stringify(kept)).not.toContain("its-own");
		expect(openRegistration(JSON.parse(JSON.stringify(kept)), seal)).toEqual({ runner, isOpen: false });
		for (const other of [
			{ ...seal, by: "spw_access_another" },
			{ ...seal, subject: "acme/other" },
		]) {
			expect(openRegistration(kept, other)).toBeNull();
		}
	});

	it("[N202] that was tampered with, or is none, is none", () => {
		const kept = sealRegistration(runner, seal);
		const flipped = kept.sealed.replace(/^./, (digit) => (digit === "0" ? "1" : "0"));
		const wrong = [
			null,
			7,
			"x",
			[],
			{},
			{ subject: kept.subject },
			{ ...kept, sealed: flipped },
			{ ...kept, sealed: "" },
		];
		for (const one of [...wrong, { ...kept, nonce: "" }, { ...kept, salt: 7 }, { ...kept, id: null, sealed: "00" }]) {
			expect([one, openRegistration(one, seal)]).toEqual([one, null]);
		}
	});

	it("[N203] makes a restart the same runner, and one with another token another runner", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		await started();
		expect(readFileSync(file(), "utf8")).not.toContain([...fixture.server.runners][0]);
		await restarted();
		expect(fixture.server.registrations).toHaveLength(1);
		await restarted({ token: "another-registration-token" });
		expect(fixture.server.registrations).toHaveLength(2);
		expect(fixture.has("registration-not-kept")).toBe(false);
	});

	it("[N203] that an earlier version wrote in the open is taken, and sealed from then on", async () => {
		fixture = new FakeServerRunner();
		await fixture.server.open();
		await started();
		const [token = ""] = fixture.server.runners;
		const { id } = JSON.parse(readFileSync(file(), "utf8"));
		const { url } = fixture.server;
		const subject = JSON.stringify({ url, owner: "acme", pool: "default", name: "tester", labels: [], capacity: 1 });
		fixture.runner?.drain("a restart");
		await fixture.done;
		writeFileSync(file(), JSON.stringify({ subject, id, token, heartbeatSeconds: 10 }));
		await started();
		expect(fixture.server.registrations).toHaveLength(1);
		expect(readFileSync(file(), "utf8")).not.toContain(token);
	});
});
