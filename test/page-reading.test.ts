// People who read a page while it changes: nothing takes from them what they look at, type or point to.
import { writeFile } from "node:fs/promises";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repository, Site } from "./fixture-site.ts";
import { TestBrowser } from "./fixture-chromium.ts";

let site: Site;
let browser: TestBrowser;
beforeAll(async () => {
	site = await Site.open();
	site.runner("one", { capacity: 4 });
	browser = await TestBrowser.open();
});
afterAll(async () => {
	await browser.close();
	await site.close();
});

async function submit(jobs: object[]): Promise<string> {
	const { run } = await site.client.runs.submit(repository, { title: "Read me", jobs } as never);
	return run.id;
}

/** What a log says may stand in a list of jobs too. */
const logOf = (page: Page) => page.getByRole("log");
const signedIn = (look = {}) => browser.look(site.ready.url, { token: site.ready.operatorToken, ...look });
const topOf = (page: Page) => page.getByRole("log").evaluate((box) => box.scrollTop);

it("[U28] what changes takes neither the focus, nor what is typed, nor the job that is read", async () => {
	const { folder } = site;
	const run = await submit([
		{ key: "ticks", run: `until [ -e '${folder}/enough' ]; do echo tick; sleep 0.05; done` },
		{ key: "fails", run: `until [ -e '${folder}/fail' ]; do sleep 0.05; done; exit 1` },
	]);
	const { page, complaints, close } = await signedIn();
	// The page opens on the first that runs.
	await expect
		.poll(async () => (await site.client.runs.get(repository, run)).jobs?.find(({ key }) => key === "ticks")?.state)
		.toBe("running");
	await page.goto(`/acme/web/runs/${run}`);
	await logOf(page).getByText("tick", { exact: true }).first().waitFor();
	await page.getByRole("button", { name: "Find" }).click();
	await page.getByRole("button", { name: "Cancel", exact: true }).click();
	await page.getByPlaceholder("Filter 2 jobs").pressSequentially("ticks", { delay: 150 });
	expect(await page.getByPlaceholder("Filter 2 jobs").inputValue()).toBe("ticks");
	await writeFile(`${folder}/fail`, "");
	await site.client.runs.get(repository, run);
	await expect
		.poll(async () => (await site.client.runs.get(repository, run)).jobs?.find(({ key }) => key === "fails")?.outcome)
		.toBe("failed");
	await page.getByPlaceholder("Filter 2 jobs").fill("");
	await page.locator("[data-row][data-bad]").waitFor();
	expect(await page.getByRole("heading", { level: 2 }).textContent()).toContain("ticks");
	expect(await page.locator("[data-filter]:focus").count()).toBe(1);
	await writeFile(`${folder}/enough`, "");
	await site.settled(run);
	expect(complaints).toEqual([]);
	await close();
});

it("[U29] a click on a line's number marks it, with shift a range; the address says so, nothing moves, and back goes back", async () => {
	const run = await submit([{ key: "long", run: "seq -f 'line %.0f here' 500" }]);
	await site.settled(run);
	const { page, complaints, close } = await signedIn();
	await page.goto(`/acme/web/runs/${run}/jobs/long#L200`);
	await logOf(page).getByText("line 199 here").waitFor();
	const before = await topOf(page);
	await page.locator("#L203 .log-number").click();
	await page.locator("#L206 .log-number").click({ modifiers: ["Shift"] });
	expect(new URL(page.url()).hash).toBe("#L203-L206");
	expect(await page.locator(".log-row.marked").count()).toBe(4);
	expect(await topOf(page)).toBe(before);
	await page.goBack();
	await page.goBack();
	await expect
		.poll(() => page.locator(".log-row.marked").evaluateAll((rows) => rows.map(({ id }) => id)))
		.toEqual(["L200"]);
	await page.goForward();
	await expect
		.poll(() => page.locator(".log-row.marked").evaluateAll((rows) => rows.map(({ id }) => id)))
		.toEqual(["L203"]);
	expect(complaints).toEqual([]);
	await close();
});

it("[U30] the keys of the log act from anywhere on the page, and none of them while somebody types", async () => {
	const run = await submit([{ key: "long", run: "seq -f 'line %.0f here' 500" }]);
	await site.settled(run);
	const { page, close } = await signedIn();
	await page.goto(`/acme/web/runs/${run}`);
	await logOf(page).getByText("line 5 here").waitFor();
	await page.locator("body").press("G");
	await logOf(page).getByText("line 500 here").waitFor();
	await page.keyboard.press("g");
	await logOf(page).getByText("line 1 here", { exact: true }).waitFor();
	await page.keyboard.press("/");
	await page.keyboard.type("Gw?jx");
	expect(await page.locator("[data-filter]").inputValue()).toBe("Gw?jx");
	expect(await topOf(page)).toBe(0);
	expect(await page.getByRole("button", { name: "Wrap" }).getAttribute("aria-pressed")).toBe("false");
	await close();
});

it("[U31] lines that are wrapped are whole, none lies over another, and both ends are reached", async () => {
	const run = await submit([
		{ key: "wide", run: "for i in $(seq 300); do printf \"$i \"; printf 'w%.0s' $(seq $((i * 3))); echo; done" },
	]);
	await site.settled(run);
	const { page, close } = await signedIn();
	await page.goto(`/acme/web/runs/${run}`);
	await page.locator("#L3").waitFor();
	await page.keyboard.press("w");
	const boxes = () =>
		page
			.locator(".log-row")
			.evaluateAll((rows) => rows.map((row) => [row.getBoundingClientRect().top, row.getBoundingClientRect().bottom]));
	for (const key of ["G", "g"]) {
		await page.keyboard.press(key);
		const end = page.locator(key === "G" ? "#L301" : "#L1");
		await expect
			.poll(async () => {
				const view = await page.getByRole("log").boundingBox();
				const row = await end.boundingBox();
				return row !== null && view !== null && row.y >= view.y - 1 && row.y + row.height <= view.y + view.height + 1;
			})
			.toBe(true);
		const drawn = await boxes();
		for (const [at, [, bottom]] of drawn.slice(0, -1).entries())
			expect(drawn[at + 1]?.[0]).toBeGreaterThanOrEqual((bottom ?? 0) - 1);
	}
	expect(await page.getByRole("log").evaluate((box) => box.scrollWidth <= box.clientWidth)).toBe(true);
	await close();
});

it("[U32] links to what the server has besides the page lead there", async () => {
	const run = await submit([{ key: "plain", run: "echo words of the log" }]);
	await site.settled(run);
	const { page, close } = await signedIn();
	await page.goto(`/acme/web/runs/${run}`);
	await page.getByRole("link", { name: "Plain text" }).click();
	await expect.poll(() => page.locator("body").textContent()).toMatch(/words of the log\n$/);
	await close();
	const stranger = await browser.look(site.ready.url);
	await stranger.page.goto("/acme/web");
	const [asked] = await Promise.all([
		stranger.page.waitForRequest((request) => request.url().includes("/auth/sign-in")),
		stranger.page.getByRole("link", { name: "Sign in" }).click(),
	]);
	expect(new URL(asked.url()).searchParams.get("return")).toBe("/acme/web");
	await stranger.close();
});

it("[U33] an overloaded server signs nobody out, and a part of an older build that is gone loads the page anew, once", async () => {
	const run = await submit([{ key: "plain", run: "echo words of the log" }]);
	await site.settled(run);
	const { page, close } = await signedIn();
	let refusals = 1;
	await page.route("**/v1/session", (route) =>
		refusals-- > 0 ? route.fulfill({ status: 429, body: "{}" }) : route.continue(),
	);
	let gone = 1;
	await page.route("**/assets/log-view*.js", (route) =>
		gone-- > 0 ? route.fulfill({ status: 404 }) : route.continue(),
	);
	await page.goto(`/acme/web/runs/${run}`);
	await page.getByText("words of the log").waitFor();
	expect([refusals, gone].every((left) => left < 0)).toBe(true);
	await close();
});

it("[U33] an address that is no encoding of anything is a page that is not there", async () => {
	const { page, complaints, close } = await signedIn();
	await page.goto("/acme/%E0%A4%A");
	await page.locator("main").waitFor();
	expect(complaints).toEqual([]);
	await close();
});
