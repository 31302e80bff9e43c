import { expect, it } from "vitest";
import { matchLetters } from "./letters.ts";
import { placeJobs } from "./layers.ts";

const job = (key: string, ...needs: string[]) => ({ key, needs });
const columns = (jobs: { key: string; needs: string[] }[]) =>
	placeJobs(jobs).map(({ key, column, row }) => `${key} ${column}.${row}`);

it("[U12] a job stands right of all that it needs, in the order of the run", () => {
	expect(columns([job("lint"), job("build"), job("test", "build"), job("deploy", "lint", "test")])).toEqual([
		"lint 0.0",
		"build 0.1",
		"test 1.0",
		"deploy 2.0",
	]);
});

it("[U12] a job that is not there counts for nothing, and a circle ends", () => {
	expect(columns([job("a", "nowhere"), job("b", "c"), job("c", "b")])).toHaveLength(3);
});

it("[U13] letters are found in their order, the nearer together the better", () => {
	expect(matchLetters("aw", "acme/web")).not.toBeNull();
	expect(matchLetters("wa", "acme/web")).toBeNull();
	const near = matchLetters("web", "acme/web") ?? Number.NaN;
	expect(near).toBeLessThan(matchLetters("web", "wide/beta/b") ?? 0);
});
