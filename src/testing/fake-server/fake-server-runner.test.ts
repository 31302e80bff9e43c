// What a test leaves behind when it fails before it has ended its runner: nothing.
import { expect, it } from "vitest";
import { FakeServerRunner } from "./fake-server-runner.ts";

it.each(["that runs", "that was stopped"])("[T12] a runner %s ends with its test", async (how) => {
	const fixture = new FakeServerRunner();
	await fixture.server.open();
	const child = fixture.spawnRunner();
	await fixture.server.until(() => fixture.server.callsTo("/v1/runner/acquire").length > 0);
	if (how === "that was stopped") child.kill("SIGSTOP");
	await fixture.close();
	expect([child.exitCode, child.signalCode]).toEqual([null, "SIGKILL"]);
});
