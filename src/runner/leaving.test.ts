// Waits that a stop must end: a runner that is told to go goes, whoever does not answer.
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { problem } from "../testing/fake-server/fake-server.ts";
import { buildGrant } from "../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../testing/fake-server/fake-server-runner.ts";
import { readPlainFile } from "./job/plain-file.ts";

let fixture: FakeServerRunner;
beforeEach(async () => {
	fixture = new FakeServerRunner();
	await fixture.server.open();
});
afterEach(() => fixture.close());

describe("a runner that is told to go", () => {
	const sockets = new Set<Socket>();
	let silent: Server;
	let url: string;
	beforeEach(async () => {
		silent = createServer((socket) => {
			sockets.add(socket);
			socket.on("error", () => {});
			fixture.server.changed();
		});
		await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
		url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
	});
	afterEach(() => {
		for (const socket of sockets) socket.destroy();
		sockets.clear();
		silent.close();
	});

	it("[N143] goes while its registration has no answer", async () => {
		await fixture.start({ url, session: false });
		await fixture.server.until(() => sockets.size > 0);
		fixture.runner?.drain();
		await fixture.done;
	});

	it("[N143] goes while its registration is refused again and again", async () => {
		fixture.server.intercept = ({ path }) => (path.endsWith("/runners") ? problem(503, "unavailable") : null);
		await fixture.start({ session: false, retry: { initialMs: 60_000, maxMs: 60_000, random: () => 1 } });
		await fixture.server.until(() => fixture.has("register-failed"));
		fixture.runner?.drain();
		await fixture.done;
	});

	it("[N143] goes while its session is not let begin", async () => {
		await fixture.start({ url, token: "spw_runner_known" });
		await fixture.server.until(() => sockets.size > 0);
		fixture.runner?.drain();
		await fixture.done;
	});
});

describe("a runner that is stopped by a second signal", () => {
	it("[N143] goes though nobody hears of its job's end", async () => {
		await fixture.start({ session: false, leaveSeconds: 0.2 });
		const { server } = fixture;
		const lease = server.offer(buildGrant({ run: "echo up; sleep 1000" }));
		await server.until(() => lease.text.includes("up\n"));
		server.intercept = ({ path }) => (path === "/v1/lease/finish" ? problem(503, "unavailable") : null);
		fixture.runner?.interrupt("the runner was stopped");
		await fixture.done;
		expect(lease.finish).toBeNull();
	});

	it("[N143] goes though a hook hangs", async () => {
		const hook = fixture.program("hook", "echo hooked; sleep 1000");
		await fixture.start({ leaveSeconds: 0.2, hooks: { "post-job": hook } });
		const lease = fixture.server.offer(buildGrant());
		await fixture.server.until(() => lease.text.includes("hooked\n"));
		fixture.runner?.interrupt("the runner was stopped");
		await fixture.done;
		expect(lease.finish?.outcome).toBe("passed");
	});
});

describe("what a job leaves for its runner to read", () => {
	it.each([
		["a pipe", 'mkfifo "$SPILLWAY_RETRY_AFTER_FILE"'],
		["a link", 'ln -s /dev/zero "$SPILLWAY_RETRY_AFTER_FILE"'],
		["a folder", 'mkdir "$SPILLWAY_RETRY_AFTER_FILE"'],
		["a large file", 'head -c 100000 /dev/zero >"$SPILLWAY_RETRY_AFTER_FILE"'],
	])("[N142] as %s makes it neither wait nor read elsewhere", async (_, run) => {
		await fixture.start();
		const lease = await fixture.runToEnd({ run });
		expect(lease.finish).toMatchObject({ outcome: "passed", retryAfterSeconds: null });
		const next = fixture.server.offer(buildGrant());
		await fixture.server.until(() => next.finish !== null);
	});

	it("[N142] as a link in place of its folder leads no hook elsewhere", async () => {
		const elsewhere = `${fixture.folder}/elsewhere`;
		const hook = fixture.program("hook", 'pwd -P; echo "$SPILLWAY_JOB_FOLDER"');
		await fixture.start({ hooks: { "post-job": hook } });
		const lease = await fixture.runToEnd({
			run: `mkdir '${elsewhere}'; cd ..; mv work mine; ln -s '${elsewhere}' work`,
		});
		expect(lease.text).not.toContain("elsewhere\n");
		expect(lease.text).toContain(`jobs/${lease.grant.lease.id}\n`);
	});

	it("[N142] is nothing where there is nothing", () => {
		expect(readPlainFile("/nowhere/file")).toBeNull();
	});
});
