// What a run fetches: what its submission says of a source, and what that leaves to its repository.
import { expect, it } from "vitest";
import { aRepo, aRunner, grantOf, job, refusal, runOf, submit } from "./api-fixture.ts";

const own = "https://git.example/acme/web.git";
const other = "https://git.example/acme/fork.git";
const commit = "0123456789012345678901234567890123456789";

/** The rows of the table in docs/jobs.md, `source` absent where it is undefined. */
const cases: [asked: object | null | undefined, byDefault: object | null, onTrunk: object | null][] = [
	[undefined, { cloneUrl: own, ref: null, commit: null }, { cloneUrl: own, ref: "trunk", commit: null }],
	[null, null, null],
	[{}, { cloneUrl: own, ref: null, commit: null }, { cloneUrl: own, ref: "trunk", commit: null }],
	[{ ref: "v1" }, { cloneUrl: own, ref: "v1", commit: null }, { cloneUrl: own, ref: "v1", commit: null }],
	[{ commit }, { cloneUrl: own, ref: null, commit }, { cloneUrl: own, ref: null, commit }],
	[{ cloneUrl: own }, { cloneUrl: own, ref: null, commit: null }, { cloneUrl: own, ref: "trunk", commit: null }],
	[{ cloneUrl: other }, { cloneUrl: other, ref: null, commit: null }, { cloneUrl: other, ref: null, commit: null }],
];

it.each(cases)(
	"[A53] a source of %j is %j, and %j where the repository's default ref is trunk",
	async (asked, ...expected) => {
		const places = [await aRepo({ cloneUrl: own }), await aRepo({ cloneUrl: own, defaultRef: "trunk" })];
		const sources = await Promise.all(
			places.map(async (place) => {
				const run = await submit(place, [job("a")], { source: asked });
				expect((await runOf(place, run)).source).toEqual(run.source);
				expect((await grantOf(await aRunner(place))).run.source).toEqual(run.source);
				return run.source;
			}),
		);
		expect(sources).toEqual(expected);
	},
);

it("[A53] of a repository without a clone URL nothing is fetched unless one is said", async () => {
	const place = await aRepo({ defaultRef: "trunk" });
	const at = `${place.path}/runs`;
	expect((await submit(place, [job("a")])).source).toBeNull();
	expect((await submit(place, [job("a")], { source: { cloneUrl: other } })).source).toMatchObject({ ref: null });
	for (const source of [{}, { ref: "v1" }, { commit }]) {
		expect(await refusal("POST", at, { body: { jobs: [job("a")], source } })).toBe("400 source.cloneUrl");
	}
	expect(await refusal("PATCH", place.path, { body: { defaultRef: "-x" } })).toBe("400 defaultRef");
});
