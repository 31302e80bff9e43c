import { expect, it } from "vitest";
import { fullRef, isForeignRef, matchesRefGlob, refGlobPattern } from "./ref-glob.ts";

it.each([
	["main", "refs/heads/main", true],
	["refs/heads/main", "main", true],
	["main", "heads/main", true],
	["main", "refs/tags/main", false],
	["main", "refs/heads/main2", false],
	["main", "refs/heads/x/main", false],
	["release/*", "release/1.2", true],
	["release/*", "release/1/2", false],
	["release/**", "release/1/2", true],
	["release/**", "release", false],
	["*", "main", true],
	["*", "feature/x", false],
	["**", "feature/x", true],
	["**", "refs/tags/v1", false],
	["refs/tags/v?.*", "refs/tags/v1.2.3", true],
	["refs/tags/v?.*", "tags/v12.3", false],
	["refs/**", "refs/pull/1/head", true],
	["a*b*c", "aXbYc", true],
	["a*b*c", "abcb", false],
	["*a", "ba", true],
	["***", "a/b", true],
	["Main", "main", false],
	["a.c", "abc", false],
	["ü?", "üß", true],
	["?", "😀", true],
])("[B27] the glob %s and the ref %s: %s", (glob, ref, expected) => {
	expect(matchesRefGlob(glob, ref)).toBe(expected);
});

it("[B27] the worst glob and the longest ref that are taken are compared, and not for ever", () => {
	expect(matchesRefGlob("*a".repeat(100), `${"a".repeat(499)}b`)).toBe(false);
	expect(matchesRefGlob("**a".repeat(66), `${"a".repeat(499)}b`)).toBe(false);
});

it.each(["[a-z]", "a b", "a^b", "a\\b", "a:b", "~", "\n", ""])("[B27] what is no glob of a ref is none: %j", (text) => {
	expect(refGlobPattern.test(text)).toBe(false);
});

it.each([
	["main", false],
	["refs/heads/main", false],
	["refs/tags/v1", false],
	["tags/v1", false],
	["feature/pull/1", false],
	["refs/heads/pull/1", false],
	["refs/pull/7/head", true],
	["pull/7/merge", true],
	["refs/merge-requests/7/head", true],
	["merge-requests/7/head", true],
	["refs/pull-requests/7/from", true],
	["refs/changes/01/1/1", true],
	["refs/anything/else", true],
	["refs/notes/x", true],
])("[B28] whether strangers may write the ref %s: %s", (ref, expected) => {
	expect(isForeignRef(ref)).toBe(expected);
});

it("[B27] a short name is a branch's", () => {
	expect(["main", "heads/a", "tags/b", "refs/x"].map(fullRef)).toEqual([
		...["refs/heads/main", "refs/heads/a", "refs/tags/b", "refs/x"],
	]);
});
