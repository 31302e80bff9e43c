import { expect, it } from "vitest";
import type { SecretTerms } from "./secret-terms.ts";
import { isForks, isForksByWord, whyWithheld } from "./secret-terms.ts";
import type { Source, Trigger } from "./submission.ts";

const own = "https://git.example/acme/web.git";
const elsewhere = "https://git.example/mallory/web.git";
const at = (ref: string | null, cloneUrl = own): Source => ({ cloneUrl, ref, commit: null });

it.each<[string, { source: Source | null; trigger?: Trigger; fork?: boolean }, string | null, boolean]>([
	["the repository's own branch", { source: at("main") }, own, false],
	["no source", { source: null }, own, false],
	["a pull request", { source: at("feature"), trigger: "pull_request" }, own, true],
	["a pull request without a source", { source: null, trigger: "pull_request" }, own, true],
	["a pull request that is vouched for", { source: at("feature"), trigger: "pull_request", fork: false }, own, false],
	["another clone URL", { source: at("main", elsewhere) }, own, true],
	["another clone URL that is vouched for", { source: at("main", elsewhere), fork: false }, own, true],
	["the same place in other letters", { source: at("main", own.slice(0, -4)) }, own, true],
	["any clone URL of a repository without one", { source: at("main", elsewhere) }, null, false],
	["a ref of requests", { source: at("refs/pull/7/head") }, own, true],
	["a ref of requests that is vouched for", { source: at("refs/pull/7/head"), fork: false }, own, false],
	["what is marked", { source: at("main"), fork: true }, own, true],
	["what is marked, without a source", { source: null, fork: true }, null, true],
	["what waits for the repository's clone URL", { source: at("main", "") }, own, false],
])("[B28] %s", (_, { trigger = "api", ...run }, cloneUrl, expected) => {
	expect(isForks({ trigger, ...run }, { cloneUrl })).toBe(expected);
});

it("[B28] a run of before that was kept is judged by its trigger and its ref", () => {
	const runs = [
		{ source: at("main"), trigger: "api" as const },
		{ source: at("main"), trigger: "pull_request" as const },
		{ source: at("refs/merge-requests/1/head"), trigger: "push" as const },
		{ source: null, trigger: "manual" as const },
	];
	expect(runs.map((run) => isForksByWord(run))).toEqual([false, true, true, false]);
	const terms = { refs: null, forks: false };
	const withheld = runs.map((run) => whyWithheld("A", terms, { run, settings: { cloneUrl: own } }) !== null);
	expect(withheld).toEqual([false, true, true, false]);
});

const forks = 'the secret "A" is not for runs of forks';
it.each<[string, SecretTerms, { source: Source | null; fork?: boolean }, string | null]>([
	["no terms", { refs: null, forks: false }, { source: null }, null],
	["a ref that fits", { refs: ["x", "main"], forks: false }, { source: at("main") }, null],
	[
		"a ref that does not",
		{ refs: ["main"], forks: true },
		{ source: at("x") },
		'the secret "A" is not for the ref refs/heads/x',
	],
	[
		"no ref",
		{ refs: ["**"], forks: true },
		{ source: at(null) },
		'the secret "A" is for certain refs, and the run names none',
	],
	["a fork", { refs: null, forks: false }, { source: at("main"), fork: true }, forks],
	["a fork that may", { refs: null, forks: true }, { source: at("main"), fork: true }, null],
	["a fork of a ref that fits", { refs: ["main"], forks: false }, { source: at("main"), fork: true }, forks],
	[
		"a place that was its own",
		{ refs: null, forks: false },
		{ source: at("main", elsewhere), fork: false },
		'the secret "A" is not for runs of another clone URL than the repository\'s',
	],
	["another place that may", { refs: null, forks: true }, { source: at("main", elsewhere), fork: false }, null],
])("[B27][B29] a secret and its terms: %s", (_, terms, { fork = false, source }, expected) => {
	const run = { source, trigger: "api" as const, fork };
	expect(whyWithheld("A", terms, { run, settings: { cloneUrl: own } })).toBe(expected);
});
