// Masking, against a search that is too simple to be wrong, and in a real job.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { buildGrant } from "../../../testing/fake-server/fake-server-lease.ts";
import { FakeServerRunner } from "../../../testing/fake-server/fake-server-runner.ts";
import { seededRandom } from "../../../testing/random.ts";
import { JobLog } from "../job-log.ts";
import { Redactor } from "./redactor.ts";
import { secretForms } from "./secret-forms.ts";
import type { SecretForm } from "./secret-forms.ts";
import { literalUnit } from "./writings.ts";

/** What comes out when `text` goes in cut at `cuts`. */
function masked(secrets: string[], text: string | Buffer, cuts: number[] = []): string {
	return passed(secretForms(secrets), Buffer.from(text), cuts);
}

function passed(forms: SecretForm[], bytes: Buffer, cuts: number[]): string {
	const out: Buffer[] = [];
	const redactor = new Redactor(forms, (part) => out.push(Buffer.from(part)));
	const edges = [0, ...cuts, bytes.length];
	for (let at = 1; at < edges.length; at++) redactor.append(bytes.subarray(edges[at - 1], edges[at]));
	redactor.flush();
	return Buffer.concat(out).toString("latin1");
}

const unitOf = new Map(["a", "b", "c"].map((character) => [character, literalUnit(character)]));

/** A pattern as a form that is written in one way only. */
function literally(pattern: Buffer): SecretForm {
	const units = [...pattern.toString("latin1")].flatMap((character) => unitOf.get(character) ?? []);
	return { units, join: null, isWrapped: false, partMin: 1 + units.length };
}

/** Each byte that some pattern covers; a run of patterns that overlap is one mask. */
function maskedSimply(patterns: Buffer[], bytes: Buffer): string {
	let out = "";
	let end = 0;
	for (let at = 0; at <= bytes.length; at++) {
		const fits = patterns.filter((pattern) => bytes.subarray(at, at + pattern.length).equals(pattern));
		const longest = Math.max(0, ...fits.map(({ length }) => length));
		if (longest > 0 && at >= end) out += "***";
		end = Math.max(end, at + longest);
		if (at >= end && at < bytes.length) out += bytes.toString("latin1", at, at + 1);
	}
	return out;
}

describe("masking", () => {
	const secret = "p4ss/w+rd é?~ 'x'";

	it.each([
		["as it is", secret],
		["in a URL", encodeURIComponent(secret)],
		["in a form", new URLSearchParams({ a: secret }).toString().slice(2)],
		["with small digits", encodeURIComponent(secret).replace(/%../g, (digits) => digits.toLowerCase())],
		["in JSON", JSON.stringify(secret).slice(1, -1)],
	])("[N72] a secret is masked %s, wherever the stream is cut", (_, form) => {
		const text = `before ${form} after`;
		for (let cut = 0; cut <= Buffer.byteLength(text); cut++) {
			expect(masked([secret], text, [cut])).toBe("before *** after");
		}
	});

	it.each([0, 1, 2, 3, 4, 5])("[N72] in base64 with %i bytes before it nothing of it can be decoded", (before) => {
		const whole = Buffer.concat([Buffer.alloc(before, "#"), Buffer.from(secret), Buffer.from("$$")]);
		for (const encoding of ["base64", "base64url"] as const) {
			const text = masked([secret], whole.toString(encoding));
			expect(text).toMatch(/^.{0,8}\*\*\*.{0,6}$/);
			const [left = "", right = ""] = text.split("***");
			expect(Buffer.from(left, "base64").toString("latin1").replaceAll("#", "").length).toBeLessThanOrEqual(1);
			expect(right.replaceAll("=", "").length).toBeLessThanOrEqual(4);
		}
	});

	it("[N72] a long secret is masked line by line, and in base64 that is wrapped", () => {
		const key = `-----BEGIN KEY-----\n${"Ab3/x+".repeat(30)}\nlast-line-of-it\n-----END KEY-----\n`;
		expect(masked([key], "the last-line-of-it alone")).toBe("the *** alone");
		const wrapped = (
			Buffer.from(key)
				.toString("base64")
				.match(/.{1,76}/g) ?? []
		).join("\n");
		expect(masked([key], wrapped).replace(/[*\n=]/g, "").length).toBeLessThan(8);
	});

	it("[N157] what tells less than four characters of a secret is let go, and the rest of the secret is masked", () => {
		const out: string[] = [];
		const redactor = new Redactor(secretForms(["token-abc"]), (part) => out.push(part.toString()));
		const printed = (text: string, how: "release" | "go on") => {
			redactor.append(Buffer.from(text));
			if (how === "release") redactor.release();
			return out.splice(0).join("");
		};
		expect(printed("a to", "go on")).toBe("a ");
		expect(printed("k", "release")).toBe("tok");
		expect(printed("en-ab", "release")).toBe("");
		expect(printed("c.", "go on")).toBe("***.");
	});

	it("[N157] a viewer waits a quarter of a second for them at most", () => {
		vi.useFakeTimers();
		const folder = mkdtempSync(join(tmpdir(), "spillway-log-"));
		try {
			const options = { path: join(folder, "log"), bytesMax: 1_000, onGrowth: () => {}, onFailure: () => {} };
			const log = new JobLog(options, buildGrant({ secrets: { KEY: "token-abc" } }));
			log.append(Buffer.from("progress: t"));
			expect(log.spool.length).toBe(10);
			vi.advanceTimersByTime(250);
			expect(log.spool.length).toBe(11);
			log.append(Buffer.from("oken"));
			vi.advanceTimersByTime(1_000);
			expect(log.spool.length).toBe(11);
			log.seal();
			expect(Buffer.from(log.spool.read(0, 100)).toString()).toBe("progress: t***");
			expect(vi.getTimerCount()).toBe(0);
			log.close();
		} finally {
			vi.useRealTimers();
			rmSync(folder, { recursive: true });
		}
	});

	it("[N73] secrets that overlap leave no rest of one another", () => {
		expect(masked(["abcdef", "efghij"], "x abcdefghij y")).toBe("x *** y");
		expect(masked(["abcd", "abcdefgh"], "abcdefgh", [4])).toBe("***");
		expect(masked(["abcd", "abcdefgh"], "abcdefg!", [4])).toBe("***efg!");
	});

	it("[N74] values shorter than 4 characters are not masked", () => {
		expect(masked(["abc", "", "12"], "abc 12")).toBe("abc 12");
	});

	it.each([1, 2, 3, 4, 5, 6])("[N72][N73] as a simple search does, on random bytes cut at random (seed %i)", (seed) => {
		const random = seededRandom(seed);
		const below = (bound: number) => Math.floor(random() * bound);
		const word = (length: number) => Buffer.from(Array.from({ length }, () => 97 + below(3)));
		for (let round = 0; round < 200; round++) {
			const patterns = Array.from({ length: 1 + below(5) }, () => word(3 + below(6)));
			const bytes = word(below(80));
			const cuts = Array.from({ length: below(6) }, () => below(bytes.length + 1)).sort((a, b) => a - b);
			expect(passed(patterns.map(literally), bytes, cuts)).toBe(maskedSimply(patterns, bytes));
		}
	});

	it.each([1, 2, 3, 4])("[N175] as a simple search does, with patterns that repeat themselves (seed %i)", (seed) => {
		const random = seededRandom(seed);
		const repeated = (length: number) => {
			const period = Array.from({ length: 1 + random.below(4) }, () => random.pick(["a", "b"])).join("");
			return Buffer.from(period.repeat(length).slice(0, length) + (random.chance(0.3) ? random.pick(["a", "b"]) : ""));
		};
		for (let round = 0; round < 200; round++) {
			// What begins like another part of itself, and goes on otherwise.
			const patterns = Array.from({ length: 1 + random.below(3) }, () =>
				Buffer.concat([repeated(4 + random.below(30)), repeated(random.below(20))]),
			);
			const pieces = Array.from({ length: 6 }, () => {
				const pattern = random.pick(patterns);
				return pattern.subarray(random.below(4) * random.below(4), pattern.length - random.below(4));
			});
			const bytes = Buffer.concat([...pieces, repeated(random.below(60))]);
			const cuts = Array.from({ length: random.below(4) }, () => random.below(bytes.length + 1)).sort((a, b) => a - b);
			expect(passed(patterns.map(literally), bytes, cuts)).toBe(maskedSimply(patterns, bytes));
		}
	});

	it.each([
		["one letter", "a".repeat(5_000), "a"],
		["two letters", "ab".repeat(2_500), "ab"],
		["one letter, and another at the end", `${"a".repeat(5_000)}b`, "a"],
		["lines", "aaaaaaaaa\n".repeat(500), "aaaaaaaaa\n"],
		["letters and signs", "!a".repeat(2_500), "!a"],
		["one sign", "-".repeat(5_000), "-"],
		["one letter, in hexadecimal digits", "a".repeat(5_000), "61"],
		["one letter, in base64", "a".repeat(5_000), "YWFh"],
		["words", "correct horse ".repeat(300).trim(), "correct horse "],
	])("[N175] a secret that repeats %s costs a log no more than a short one would", (_, secret, printed) => {
		const redactor = new Redactor(secretForms([secret]), () => {});
		const log = Buffer.from(printed.repeat(64 * 1024).slice(0, 64 * 1024));
		const before = process.cpuUsage();
		for (let done = 0; done < 2; done++) redactor.append(log);
		redactor.flush();
		expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_500);
	});

	it.each(["'", "\\", '"', "%", "''a"])(
		"[N175] a secret of %j, which may be read in many ways, costs each of them once",
		(sign) => {
			const redactor = new Redactor(secretForms([sign.repeat(20)]), () => {});
			const before = process.cpuUsage();
			redactor.append(Buffer.from(sign.repeat(400)));
			redactor.flush();
			expect(process.cpuUsage(before).user / 1_000).toBeLessThan(1_500);
		},
	);

	it("[N76] 100 MB take less than half a second of time, with one secret or with a hundred; with signs alone twice that", () => {
		const chunk = Buffer.from("2026-05-01T12:00:00Z INFO compiling module number 1234 of 9999\n".repeat(1_024));
		const tokens = Array.from({ length: 100 }, (_, at) => `token-${at}-9f8e/7d6c+5b4a`);
		const signs = ["$&/+<>%\\'\"", "!@#$%^&*()", "====="];
		for (const [msMax, secrets] of [
			[500, tokens.slice(0, 1)],
			[500, tokens.slice(0, 50)],
			[500, tokens],
			[1_000, signs],
		] as const) {
			let bytes = 0;
			const redactor = new Redactor(secretForms(secrets), (part) => {
				bytes += part.length;
			});
			const before = process.cpuUsage();
			for (let done = 0; done < 100_000_000; done += chunk.length) redactor.append(chunk);
			redactor.flush();
			const { user } = process.cpuUsage(before);
			expect(bytes).toBeGreaterThanOrEqual(100_000_000);
			expect(user / 1_000).toBeLessThan(msMax);
		}
	});
});

describe("in a job", () => {
	let fixture: FakeServerRunner;
	beforeEach(async () => {
		fixture = await FakeServerRunner.open();
	});
	afterEach(() => fixture.close());

	it("[N155] a shell's trace and `printf %q` show nothing of a secret", async () => {
		const run = 'set -x; : "$KEY" traced; printf "%q quoted\\n" "$KEY"; [[ $KEY = *x* ]]';
		const KEY = 'it\'s a b$(secret) & "more"!';
		const lease = fixture.server.offer(buildGrant({ run, secrets: { KEY } }));
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.text).not.toMatch(/secret|more|it.{1,8}s a/);
		expect(lease.text).toContain("traced\n");
		expect(lease.text).toMatch(/\*\*\* quoted\n/);
	});

	it("[N72][N75] secrets and the lease token leave the machine masked; offsets and hash are of the masked log", async () => {
		const run = [
			'printf "%s" "$KEY" | base64; echo "$KEY"; printf correct-; sleep 0.2; echo horse',
			'echo "token $SPILLWAY_LEASE_TOKEN"',
		];
		const lease = fixture.server.offer(buildGrant({ run, secrets: { KEY: "correct-horse" } }));
		await fixture.server.until(() => lease.finish !== null);
		expect(lease.text).not.toMatch(/correct|horse|token-of/);
		expect(lease.text).toContain("***\n***\n");
		const [one, two] = lease.finish?.steps ?? [];
		expect(lease.finish?.logLength).toBe(lease.log.length);
		expect(lease.log.toString("utf8", one?.logEnd ?? 0, two?.logEnd ?? 0)).toMatch(/^.*step 2.*\ntoken \*\*\*\n$/);
	});
});
