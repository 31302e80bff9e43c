// Checkout of one commit, from real repositories on this disk.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { buildGrant } from "../../testing/fake-server/fake-server-lease.ts";
import type { FakeLease } from "../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { askpassScript } from "./askpass.ts";
import { checkoutFault, sourceFault } from "./checkout-reason.ts";
import type { CheckoutSource } from "./checkout-reason.ts";

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
	source: Partial<CheckoutSource>,
	run = 'cat file; git rev-parse HEAD; echo "at $SPILLWAY_COMMIT"',
): Promise<FakeLease> {
	const whole: CheckoutSource = { cloneUrl, ref: null, commit: null, ...source };
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

	it("[N44] a repository that is not there fails the job with that reason, and git's words are in the log", async () => {
		const lease = await check({ cloneUrl: `file://${fixture.folder}/nowhere`, commit: commits[0] ?? "" });
		expect(lease.finish).toMatchObject({ outcome: "failed", exitCode: null });
		expect(lease.finish?.reason).toBe(
			`checkout: there is no repository at file://${fixture.folder}/nowhere, or none that these credentials may see`,
		);
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
		{ ref: "-dash" },
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
		expect(checkoutFault(source, 101, "").reason).toBe("checkout: git could not reach https://git.example/a.git");
	});
});

describe("what git asks for", () => {
	const own = "https://git.example:8443/acme/web.git";

	/** What the script says to git; null when it says nothing. */
	function answer(source: string, question: string): string | null {
		const script = askpassScript(source);
		const env = { PATH: process.env.PATH, SPILLWAY_GIT_TOKEN: "open-sesame" };
		const { status, stdout } = spawnSync("sh", ["-c", script, "askpass", question], { env, encoding: "utf8" });
		return status === 0 ? stdout : null;
	}

	it.each([
		[own, "Username for 'https://git.example:8443': ", "x-access-token\n"],
		[own, "Password for 'https://x-access-token@git.example:8443': ", "open-sesame\n"],
		["https://me@git.example/web.git", "Password for 'https://me@git.example': ", "open-sesame\n"],
	])("[N86] for %s, %s is answered", (source, question, expected) => {
		expect(answer(source, question)).toBe(expected);
	});

	// Git before 2.48 tells a user's name decoded, and with credential.useHttpPath it tells the path too.
	it.each([
		["another host", "Password for 'https://x@evil.example': "],
		["another port", "Password for 'https://x@git.example:443': "],
		["a host that ends alike", "Password for 'https://x@evil.git.example:8443': "],
		["a host that begins alike", "Password for 'https://x@git.example:8443.evil.example': "],
		["no encryption", "Password for 'http://x@git.example:8443': "],
		["a user that reads like it", "Password for 'https://x@git.example:8443'@evil.example': "],
		["a path that reads like it", "Password for 'https://x@evil.example/@git.example:8443': "],
		["a path that goes on after it", "Password for 'https://x@evil.example/@git.example:8443'/web': "],
		["a name on another host", "Username for 'https://evil.example': "],
		["a name on a host that reads like it", "Username for 'https://evil.example//git.example:8443': "],
		["anything else", "Yes or no? "],
	])("[N86] %s is not: %s", (_, question) => {
		expect(answer(own, question)).toBeNull();
	});

	it("[N86] nothing is, where the clone URL is none that asks", () => {
		expect(answer("ssh://git@git.example/web.git", "Password for '@': ")).toBeNull();
		expect(answer("file:///srv/web", "Password for 'https://x@': ")).toBeNull();
	});
});
