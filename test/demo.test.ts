// `npm run demo` in a process of its own.
import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { root } from "../scripts/child.ts";

it("[X15] the demo runs this clone's pipeline, finds the archive as it was streamed, and leaves nothing behind", async () => {
	const temporary = await mkdtemp(join(tmpdir(), "spillway-demo-test-"));
	const { stdout } = await promisify(execFile)(process.execPath, ["scripts/demo.ts"], {
		cwd: root,
		env: { ...process.env, TMPDIR: temporary, NO_COLOR: "1" },
		// Before the test's own limit, so that the demo can take down what it started.
		timeout: 100_000,
	});
	expect(stdout).toMatch(/^check │ attempt 1 failed$/m);
	expect(stdout).toMatch(/^check\s+passed\s+2 /m);
	expect(stdout.match(/as streamed$/gm)).toHaveLength(4);
	expect(stdout).toContain("all as it should be");
	expect(await readdir(temporary)).toEqual([]);
	await rm(temporary, { recursive: true });
});
