// Checkout of one commit, from real repositories on this disk.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server-runner.ts";
import { checkoutReason, sourceFault } from "./checkout.ts";
import type { Source } from "./checkout.ts";

let fixture: FakeServerRunner;
let cloneUrl: string;
let commits: string[];

beforeEach(async () => {
	fixture = await FakeServerRunner.open();
	const origin = join(fixture.folder, "origin");
	mkdirSync(origin);
	cloneUrl = `file://${origin}`;
	const git = (...words: string[]) =>
		execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...words], {
			cwd: origin,
			encoding: "utf8",
		}).trim();
	git("init", "--quiet", "--initial-branch=main");
	commits = [1, 2, 3].map((number) => {
		writeFileSync(join(origin, "file"), `content ${number}\n`);
		git("add", ".");
		git("commit", "--quiet", "-m", `commit ${number}`);
		return git("rev-parse", "HEAD");
	});
	git("tag", "v1", commits[0] ?? "");
});
afterEach(() => fixture.close());

async function check(
	source: Partial<Source>,
	run = 'cat file; git rev-parse HEAD; echo "at $SPILLWAY_COMMIT"',
): Promise<FakeLease> {
	const whole: Source = { cloneUrl, ref: null, commit: null, ...source };
	const lease = fixture.server.offer(
		buildGrant({ run }, { run: { id: "rtest", number: 1, title: null, source: whole } }),
	);
	await fixture.server.until(() => lease.finish !== null);
	return lease;
}

describe("checkout", () => {
	it("[N41] exactly the commit that was asked for is checked out, as a step of its own", async () => {
		const lease = await check({ ref: "refs/heads/main", commit: commits[1] ?? "" });
		expect(lease.text).toContain(`content 2\n${commits[1]}\nat ${commits[1]}\n`);
		expect(lease.finish?.steps?.map(({ name, exitCode }) => [name, exitCode])).toEqual([
			["checkout", 0],
			["step 1", 0],
		]);
	});

	it.each([
		["main", 2],
		["refs/tags/v1", 0],
		[null, 2],
	])("[N42] without a commit the ref %s is resolved, and the job is told the commit", async (ref, at) => {
		const lease = await check({ ref });
		expect(lease.text).toContain(`content ${at + 1}\n${commits[at]}\nat ${commits[at]}\n`);
	});

	it("[N43] only that commit is fetched where the server allows it", async () => {
		const lease = await check({ commit: commits[2] ?? "" }, "git rev-list --all HEAD | wc -l | tr -d ' '");
		expect(lease.text).toMatch(/\n1\n$/);
	});

	it("[N44] a repository that does not answer fails the job with that reason, and git's words are in the log", async () => {
		const lease = await check({ cloneUrl: `file://${fixture.folder}/nowhere`, commit: commits[0] ?? "" });
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: null });
		expect(lease.finish?.reason).toBe(`checkout: file://${fixture.folder}/nowhere does not answer`);
		expect(lease.text).toContain("fatal:");
	});

	it("[N45] a commit or ref that does not exist fails the job with that reason", async () => {
		const commit = "0123456789abcdef0123456789abcdef01234567";
		expect((await check({ commit })).finish?.reason).toBe(
			`checkout: the commit ${commit} does not exist in ${cloneUrl}`,
		);
		expect((await check({ ref: "nowhere" })).finish?.reason).toBe(
			`checkout: the ref nowhere does not exist in ${cloneUrl}`,
		);
	});

	it.each([
		{ cloneUrl: "--upload-pack=touch /tmp/x" },
		{ cloneUrl: "ext::sh -c true" },
		{ ref: "--exec=true" },
		{ ref: "+refs/heads/*:refs/heads/*" },
		{ ref: "a..b" },
		{ commit: "HEAD" },
	])("[N46] nothing of a source is taken for an option, a refspec or a command: %o", (source) => {
		expect(sourceFault({ cloneUrl: "https://git.example/a.git", ref: null, commit: null, ...source })).toMatch(
			/^checkout: /,
		);
	});

	it("[N47] no reason carries a password", () => {
		const source = { cloneUrl: "https://user:hunter2@git.example/a.git", ref: null, commit: null };
		expect(checkoutReason(source, 101)).toBe("checkout: https://git.example/a.git does not answer");
	});
});
