// A runner whose clock is wrong, and is set while it runs, as the machine's own time service may do.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildGrant } from "../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../testing/fake-server/fake-server-runner.ts";
import { identify, isAlive } from "./process/process-identity.ts";

let fixture: FakeServerRunner;
let child: ChildProcess;
let lease: FakeLease;
beforeEach(async () => {
	fixture = new FakeServerRunner();
	fixture.server.hasSessions = true;
	fixture.server.hasUploadSockets = true;
	await fixture.server.open();
	setClock(3);
	child = fixture.spawnRunner({ wrongClockFile: join(fixture.folder, "clock") });
});
afterEach(async () => {
	child.kill("SIGTERM");
	await once(child, "exit");
	await fixture.close();
});

function setClock(hours: number): void {
	writeFileSync(join(fixture.folder, "clock"), String(hours));
}

/** Prints a line every moment until it is told to end. */
async function begin({ stopAfterSeconds }: { stopAfterSeconds: number }): Promise<void> {
	const run = `echo $$ > '${fixture.folder}/pid'; until [ -e '${fixture.folder}/end' ]; do echo on; sleep 0.05; done`;
	const grant = buildGrant({ run, exclusive: true });
	lease = fixture.server.offer({ ...grant, lease: { ...grant.lease, stopAfterSeconds } });
	await grown();
	expect(Date.parse(lease.steps[0]?.startedAt ?? "") - Date.now()).toBeGreaterThan(2 * 60 * 60 * 1_000);
}

async function grown(): Promise<void> {
	const before = lease.text.length;
	await fixture.server.until(() => lease.text.length > before + 100);
}

describe("a clock that is three hours wrong", () => {
	it("[N108] and is set back and forth in mid-job stops neither the job nor its log", async () => {
		await begin({ stopAfterSeconds: 30 });
		for (const hours of [-3, 3, 0, -3]) {
			setClock(hours);
			await grown();
		}
		writeFileSync(join(fixture.folder, "end"), "");
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.finish).toMatchObject({ outcome: "passed", logLength: lease.log.length });
	});

	it("[N108] and is set back just before contact is lost keeps no exclusive job alive", async () => {
		await begin({ stopAfterSeconds: 1 });
		setClock(-3);
		const job = await identify(Number(readFileSync(join(fixture.folder, "pid"), "utf8")));
		await fixture.server.close();
		while (job && (await isAlive(job))) await new Promise((resolve) => setTimeout(resolve, 20));
		await fixture.server.open();
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.finish).toMatchObject({
			platformFault: "cut-off",
			reason: expect.stringContaining("without contact"),
		});
	});
});
