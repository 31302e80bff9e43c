import { describe, expect, it } from "vitest";
import { jobTokenHead } from "../../../contracts/wire/job-token.ts";
import { JobTokenMask } from "./job-token-mask.ts";

function masked(...parts: string[]): string {
	const out: Buffer[] = [];
	const mask = new JobTokenMask((bytes) => out.push(Buffer.from(bytes)));
	for (const part of parts) mask.append(Buffer.from(part, "latin1"));
	return Buffer.concat(out).toString("latin1");
}

const token = `${jobTokenHead}0tYWJj.eyJzdWIiOiJhIn0.c2ln_nat-ure`;
const shown = `${jobTokenHead}***`;

describe("identity tokens in a log", () => {
	it("[N201] each is masked behind what all begin with, wherever the stream is cut", () => {
		const text = `é=${token}, ${token}\n${jobTokenHead.slice(0, 9)} ${token}"`;
		const expected = `é=${shown}, ${shown}\n${jobTokenHead.slice(0, 9)} ${shown}"`;
		expect(masked(text)).toBe(expected);
		expect(masked(...text)).toBe(expected);
		for (let cut = 1; cut < text.length; cut++) {
			expect(masked(text.slice(0, cut), text.slice(cut))).toBe(expected);
			expect(masked(text.slice(0, cut), text.slice(cut, cut + 1), text.slice(cut + 1))).toBe(expected);
		}
	});

	it("[N201] what is no such token stays as it is", () => {
		const other = `eyJhbGciOiJFUzI1NiJ9.e30.c2ln ${jobTokenHead.slice(0, -1)} e ee ${jobTokenHead.slice(1)}`;
		expect(masked(other)).toBe(other);
		expect(masked(...other)).toBe(other);
	});

	it("[N201] its first byte stands nowhere else in that beginning, which the search relies on", () => {
		expect(jobTokenHead.lastIndexOf(jobTokenHead.slice(0, 1))).toBe(0);
	});

	it("[N201] what a later step prints is not taken for the rest of a token", () => {
		const out: string[] = [];
		const mask = new JobTokenMask((bytes) => out.push(Buffer.from(bytes).toString()));
		mask.append(Buffer.from(token.slice(0, 60)));
		mask.end();
		mask.append(Buffer.from("and more"));
		expect(out.join("")).toBe(`${shown}and more`);
	});
});
