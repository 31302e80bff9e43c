// The reasons of a checkout that failed: what git says, and what real servers make it say.
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { FakeServerRunner } from "../../testing/fake-server/fake-server-runner.ts";
import { checkoutFault, exitCodes } from "./checkout-reason.ts";

const url = "https://git.example/web.git";
const source = { cloneUrl: url, ref: null, commit: null };

describe("git's words", () => {
	it.each([
		[
			"error: RPC failed; curl 28 Operation too slow. Less than 1 bytes/sec transferred the last 60 seconds",
			`${url} does not answer`,
		],
		[
			"ssh: connect to host git.example port 22: Connection timed out\nfatal: Could not read from remote repository.",
			`${url} does not answer`,
		],
		["ssh: Could not resolve hostname git.example: Name or service not known", `the host of ${url} is not known`],
		[
			"git@git.example: Permission denied (publickey).\nfatal: Could not read from remote repository.",
			`${url} wants credentials, and had none that it takes (401)`,
		],
		[
			"Host key verification failed.\nfatal: Could not read from remote repository.",
			`the host key of ${url} is not known to the runner`,
		],
		[
			"ERROR: Repository not found.\nfatal: Could not read from remote repository.",
			`there is no repository at ${url}, or none that these credentials may see`,
		],
		["remote: fatal: No space left on device\nfatal: the remote end hung up unexpectedly", `${url} does not answer`],
		["fatal: words that nobody knows", `git could not reach ${url}`],
		["", `git could not reach ${url}`],
	])("[N133] %j is told as what it is", (said, reason) => {
		expect(checkoutFault(source, exitCodes.unreachable, said)).toEqual({
			reason: `checkout: ${reason}`,
			isOfMachine: false,
		});
	});

	it.each([
		["fatal: write error: No space left on device", 128, "the runner's disk is full"],
		["error: unable to create file a: Read-only file system", 1, "the runner's disk is read-only"],
		["bash: line 9: git: command not found", 127, "there is no git on the runner's machine"],
		["", exitCodes.noLfs, "there is no git-lfs on the runner's machine"],
	])("[N133] %j is the machine's fault, and not the job's", (said, exitCode, reason) => {
		expect(checkoutFault(source, exitCode, said)).toEqual({ reason: `checkout: ${reason}`, isOfMachine: true });
	});
});

describe("real servers", () => {
	let fixture: FakeServerRunner;
	const closers: (() => void)[] = [];
	afterEach(async () => {
		for (const close of closers.splice(0)) close();
		await fixture.close();
	});

	async function reasonOf(cloneUrl: string, hostEnv: NodeJS.ProcessEnv = {}): Promise<string | null | undefined> {
		fixture = await FakeServerRunner.open({ hostEnv: { ...process.env, ...hostEnv } });
		const lease = await fixture.runToEnd(
			{},
			{ run: { id: "rtest", number: 1, title: null, source: { cloneUrl, ref: null, commit: null } } },
		);
		expect(lease.finish?.outcome).toBe("failed");
		return lease.finish?.reason;
	}

	async function serve(answer: RequestListener, tls?: { key: string; cert: string }): Promise<string> {
		const server = tls ? createTlsServer(tls, answer) : createServer(answer);
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		closers.push(() => {
			server.closeAllConnections();
			server.close();
		});
		return `${tls ? "https" : "http"}://127.0.0.1:${(server.address() as AddressInfo).port}/web.git`;
	}

	it.each<[number, (of: string) => string]>([
		[401, (of) => `${of} wants credentials, and had none that it takes (401)`],
		[403, (of) => `${of} refuses access (403)`],
		[404, (of) => `there is no repository at ${of}, or none that these credentials may see`],
	])("[N133] the status %i is told as what it is", async (status, reason) => {
		const at = await serve(
			(_, response) => void response.writeHead(status, { "www-authenticate": 'Basic realm="git"' }).end(),
		);
		expect(await reasonOf(at)).toBe(`checkout: ${reason(at)}`);
	});

	it("[N133] a connection that is cut is told as no answer", async () => {
		const at = await serve((request) => void request.socket.destroy());
		expect(await reasonOf(at)).toBe(`checkout: ${at} does not answer`);
	});

	it("[N133] a certificate that nobody trusts is told as such", async () => {
		const folder = new FakeServerRunner();
		closers.push(() => void folder.close());
		const [key, cert] = [join(folder.folder, "key.pem"), join(folder.folder, "cert.pem")];
		const words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout".split(" ");
		execFileSync("openssl", [...words, key, "-out", cert], { stdio: "ignore" });
		const at = await serve((_, response) => void response.end(), {
			key: readFileSync(key, "utf8"),
			cert: readFileSync(cert, "utf8"),
		});
		expect(await reasonOf(at)).toBe(`checkout: the certificate of ${at} is not trusted`);
	});

	it("[N133] a host that there is not is told as such", async () => {
		expect(await reasonOf("http://nowhere.invalid/web.git")).toBe(
			"checkout: the host of http://nowhere.invalid/web.git is not known",
		);
	});

	it("[N133] a repository of another user's is told as such", async () => {
		const folder = new FakeServerRunner();
		closers.push(() => void folder.close());
		const at = join(folder.folder, "origin");
		mkdirSync(at);
		execFileSync("git", ["init", "--quiet", at]);
		// Git's own way to try this without another user.
		expect(await reasonOf(`file://${at}`, { GIT_TEST_ASSUME_DIFFERENT_OWNER: "1" })).toBe(
			`checkout: file://${at} belongs to another user of the runner's machine, and is no safe.directory of git's`,
		);
	});
});
