// The last good pages of an isolate: what one owner reads pushes out no other's.
import { afterEach, expect, it, vi } from "vitest";
import { aRepo, send } from "../api/api-fixture.ts";
import { takeDatabaseAway } from "../api/away-fixture.ts";
import { LastPages } from "./last-pages.ts";

afterEach(() => {
	vi.restoreAllMocks();
});

it("[M17] an owner who asks 250 different questions leaves another's last page, and the newest of its own", async () => {
	const [quiet, busy] = [await aRepo(), await aRepo()];
	expect((await send("GET", `${quiet.path}/runs`)).status).toBe(200);
	for (let limit = 1; limit <= 125; limit++) {
		const query = (label: string) => send("GET", `${busy.path}/runs?limit=${(limit % 50) + 1}&ref=${label}-${limit}`);
		const answers = await Promise.all([query("a"), query("b")]);
		expect(answers.map(({ status }) => status)).toEqual([200, 200]);
	}
	vi.spyOn(console, "error").mockImplementation(() => undefined);
	takeDatabaseAway();
	const seen = async (path: string) => (await send<{ stale?: boolean }>("GET", path)).body.stale;
	expect(await seen(`${quiet.path}/runs`)).toBe(true);
	expect(await seen(`${busy.path}/runs?limit=${(125 % 50) + 1}&ref=a-125`)).toBe(true);
	expect(await seen(`${busy.path}/runs?limit=2&ref=a-1`)).toBeUndefined();
});

it("[M17] the oldest page of the owner with the most goes first; a page that is read again is new", () => {
	const pages = new LastPages<number>(4);
	pages.keep("quiet", "q", 0);
	for (const [n, question] of ["a", "b", "c", "a", "d", "e"].entries()) pages.keep("busy", question, n);
	pages.keep(null, "all", 6);
	const found = (owner: string | null, questions: string) => [...questions].map((of) => pages.find(owner, of));
	expect(found("busy", "abcde")).toEqual([null, null, null, 4, 5]);
	expect([pages.find("quiet", "q"), pages.find(null, "all")]).toEqual([0, 6]);
});
