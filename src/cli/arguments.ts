// How the words of a command line become values. Whatever is wrong with one is commander's to report, as a usage error.
import { readFile } from "node:fs/promises";
import { InvalidArgumentError } from "commander";
import type { RepositoryName } from "../contracts/objects/objects.ts";
import { pathText, readStrictJson } from "../contracts/wire/json/strict-json.ts";
import { CommandFailure, exitCode } from "./exit-code.ts";
import type { Io } from "./io.ts";

/** The server says which names are good; here only that there are two. */
export function parseRepository(text: string): RepositoryName {
	const [owner, repo] = readPair(text, "OWNER/REPO");
	return { owner, repo };
}

export interface OwnerOrRepository {
	owner: string;
	repo: string | null;
}

export function readOwnerOrRepository(text: string): OwnerOrRepository {
	return text.includes("/") ? parseRepository(text) : { owner: text, repo: null };
}

export function readPool(text: string): { owner: string; pool: string } {
	const [owner, pool] = readPair(text, "OWNER/POOL");
	return { owner, pool };
}

function readPair(text: string, form: string): [string, string] {
	const [first, second, ...rest] = text.split("/");
	if (!first || !second || rest.length > 0) throw new InvalidArgumentError(`Want ${form}.`);
	return [first, second];
}

export function readWhole(text: string): number {
	if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("Want a whole number.");
	return Number(text);
}

/** Of what there must be at least one. */
export function readCount(text: string): number {
	const count = readWhole(text);
	if (count < 1) throw new InvalidArgumentError("Want a whole number from 1.");
	return count;
}

/** A repository of this owner, with the owner or without. */
export function namedRepository(owner: string, text: string): string {
	return named(owner, text, "repository");
}

/** A pool of this owner, likewise. */
export function namedPool(owner: string, text: string): string {
	return named(owner, text, "pool");
}

function named(owner: string, text: string, what: "repository" | "pool"): string {
	const [first = "", second, ...rest] = text.split("/");
	if (second === undefined) return first;
	if (first === owner && second !== "" && rest.length === 0) return second;
	const name = what === "pool" ? "POOL" : "REPO";
	throw new CommandFailure(`${text} is no ${what} of ${owner}: want ${name} or ${owner}/${name}`, exitCode.usage);
}

export function readPort(text: string): number {
	const port = readWhole(text);
	if (port > 65_535) throw new InvalidArgumentError("Want 0 to 65535; 0 takes any free port.");
	return port;
}

/** Words with commas between, and the option given several times: both add to the list. */
export function readList(text: string, before: string[] = []): string[] {
	return [...before, ...text.split(",").filter((word) => word !== "")];
}

/** `NAME=LIMIT`, several times. */
export function readGroup(
	text: string,
	before: Record<string, { limit: number }> = {},
): Record<string, { limit: number }> {
	const cut = text.lastIndexOf("=");
	if (cut < 1) throw new InvalidArgumentError("Want NAME=LIMIT.");
	return { ...before, [text.slice(0, cut)]: { limit: readWhole(text.slice(cut + 1)) } };
}

/** RFC 3339, or from now: `30d`, `12h`, `45m`. */
export function readExpiry(text: string): string {
	return readInstant(text, 1);
}

/** RFC 3339, or until now: `30d`, `12h`, `45m`. */
export function readSince(text: string): string {
	return readInstant(text, -1);
}

function readInstant(text: string, direction: 1 | -1): string {
	const span = /^(\d{1,6})([dhm])$/.exec(text);
	const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000 }[span?.[2] ?? ""];
	const at = span && unitMs ? Date.now() + direction * Number(span[1]) * unitMs : Date.parse(text);
	if (Number.isNaN(at)) throw new InvalidArgumentError("Want a time such as 2027-01-31T00:00:00Z, or 30d, 12h, 45m.");
	return new Date(at).toISOString();
}

/** The JSON in a file, or in what comes in when the file is called `-`: as strictly as the server reads it. */
export async function readJson(file: string, io: Io): Promise<unknown> {
	const name = file === "-" ? "standard input" : file;
	const bytes = await (file === "-" ? io.readInput() : readFile(file)).catch((error: NodeJS.ErrnoException) => {
		throw new CommandFailure(`cannot read ${name}: ${error.code ?? error.message}`, exitCode.usage);
	});
	const read = readStrictJson(bytes);
	if (read.ok) return read.value;
	const { path = [], message = "" } = read.faults[0] ?? {};
	throw new CommandFailure([name, pathText(path), message].filter((part) => part !== "").join(" "), exitCode.usage);
}
