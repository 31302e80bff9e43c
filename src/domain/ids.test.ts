import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, it } from "vitest";
import { isRunId, jobIdFrom, leaseIdFrom, parseJobId, parseLeaseId, runIdFrom } from "./ids.ts";

const digest = fc.uint8Array({ minLength: 32, maxLength: 32 });
const place = fc.integer({ min: 0, max: 9_999 });

it("[S2] the id of a submission is known beforehand", () => {
	const sha = createHash("sha256").update("one submission").digest();
	const text = [...sha.subarray(0, 15)].map((byte) => byte.toString(2).padStart(8, "0")).join("");
	const letters = text.match(/.{5}/g)?.map((bits) => "abcdefghijklmnopqrstuvwxyz234567"[Number.parseInt(bits, 2)]);
	expect(runIdFrom(sha)).toBe(`r${letters?.join("")}`);
});

it("[S2] digests that differ in their first 120 bits make different ids, and only those", () => {
	fc.assert(
		fc.property(digest, fc.nat(31), (bytes, at) => {
			const other = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 1 : byte));
			expect(runIdFrom(other) === runIdFrom(bytes)).toBe(at >= 15);
			expect(isRunId(runIdFrom(bytes))).toBe(true);
		}),
	);
});

it("[S2] a job's id gives back its run and place, a lease's its job and epoch", () => {
	fc.assert(
		fc.property(digest, place, fc.integer({ min: 1, max: 10 ** 9 }), (bytes, index, epoch) => {
			const run = runIdFrom(bytes);
			const job = jobIdFrom(run, index);
			expect(parseJobId(job)).toEqual({ run, index });
			expect(parseLeaseId(leaseIdFrom(job, epoch))).toEqual({ job, epoch });
		}),
	);
});

const run = `r${"a".repeat(24)}`;
const job = `j${"a".repeat(24)}-0`;

it.each(["", "r", run.toUpperCase(), `${run}a`, run.replace("r", "j"), `${run.slice(0, -1)}1`, `${run}\n`])(
	"[S3] %j is no run id",
	(text) => {
		expect(isRunId(text)).toBe(false);
	},
);

it.each([
	"",
	run,

	job.replace("-0", "-00"),
	job.replace("-0", "-01"),
	job.replace("-0", "-123456"),
	`${job}\n`,
	`${job.slice(0, -1)}-1`,
])("[S3] %j is no job id", (text) => {
	expect(parseJobId(text)).toBeNull();
});

it.each([
	"",
	job,
	`${job}.`,
	`${job}.0`,
	`${job}.01`,
	`${job}.1e3`,
	`${job}.+1`,
	`${job}. 1`,
	`${job}.-1`,
	`${job}.1.5`,
	`${job}.0x1`,
	`${run}.1`,
	".1",
	`${job}.9999999999999999999`,
])("[S3] %j is no lease id", (text) => {
	expect(parseLeaseId(text)).toBeNull();
});
