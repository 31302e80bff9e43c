// People at the page, in a real Chromium before a real server with a real runner.
import { writeFile } from "node:fs/promises";
import axe from "axe-core";
import type { AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { repository, Site } from "./fixture-site.ts";
import { TestBrowser } from "./fixture-chromium.ts";

let site: Site;
let browser: TestBrowser;
beforeAll(async () => {
	site = await Site.open();
	site.runner("one", { capacity: 2 });
	browser = await TestBrowser.open();
});
afterAll(async () => {
	await browser.close();
	await site.close();
});

const failing = "for i in $(seq 400); do echo line $i; done; echo 'Error: expected 3, got 4'; exit 1";

async function submit(jobs: object[], title = "Fix the build"): Promise<string> {
	const { run } = await site.client.runs.submit(repository, { title, jobs } as never);
	return run.id;
}

/** What a log says may stand in a list of jobs too. */
const logOf = (page: Page) => page.getByRole("log");
const signedIn = (look = {}) => browser.look(site.ready.url, { token: site.ready.operatorToken, ...look });

it("[U20] a person signs in with a token where the link led, and the failing line is in view", async () => {
	const run = await submit([
		{ key: "build", run: "true" },
		{ key: "test", run: failing },
	]);
	await site.settled(run);
	const { page, complaints, close } = await browser.look(site.ready.url);
	await page.goto(`/acme/web/runs/${run}`);
	await page.getByLabel("Or open a session with a token").fill("not a token of ours, surely");
	await page.getByRole("button", { name: "Open" }).click();
	await page.getByRole("alert").waitFor();
	await page.getByLabel("Or open a session with a token").fill(site.ready.operatorToken);
	await page.getByRole("button", { name: "Open" }).click();
	await logOf(page).getByText("Error: expected 3, got 4").waitFor();
	expect(await logOf(page).getByText("Error: expected 3, got 4").isVisible()).toBe(true);
	expect(await page.title()).toContain("Fix the build");
	await page.getByRole("button", { name: "Sign out" }).click();
	await page.getByLabel("Or open a session with a token").waitFor();
	expect(complaints).toEqual([]);
	await close();
});

it("[U21] a run is watched from its submission to its end, and its log comes as it is printed", async () => {
	const { folder } = site;
	const wait = `until [ -e '${folder}/go' ]; do sleep 0.05; done`;
	const { page, complaints, close } = await signedIn();
	const run = await submit([{ key: "talk", run: `echo first words; ${wait}; echo last words` }], "Watch me");
	await page.goto(`/acme/web/runs/${run}`);
	await logOf(page).getByText("first words").waitFor();
	await page.getByRole("heading", { level: 1 }).getByText("running").waitFor();
	await writeFile(`${folder}/go`, "");
	await logOf(page).getByText("last words").waitFor();
	await page.getByRole("heading", { level: 1 }).getByText("passed").waitFor();
	await expect.poll(() => page.title()).toContain("\u2713");
	expect(complaints).toEqual([]);
	await close();
});

it("[U22] a failed job is retried with a reason, by keys alone, and its second attempt is shown with who asked and why", async () => {
	const run = await submit(
		[{ key: "test", run: 'echo "attempt $SPILLWAY_ATTEMPT"; [ $SPILLWAY_ATTEMPT = 2 ]' }],
		"Retry me",
	);
	await site.settled(run);
	const { page, complaints, close } = await signedIn();
	await page.goto(`/acme/web/runs/${run}`);
	await logOf(page).getByText("attempt 1").waitFor();
	await page.keyboard.press("r");
	// Whoever types sees where.
	await page.locator("input:focus").waitFor();
	await page.keyboard.type("the network was away");
	await page.keyboard.press("Enter");
	await logOf(page).getByText("attempt 2", { exact: true }).waitFor();
	await page.getByRole("heading", { level: 1 }).getByText("passed").waitFor();
	await page.getByText("retried by operator: the network was away", { exact: false }).first().waitFor();
	await page.getByLabel("Attempt").selectOption("1");
	await logOf(page).getByText("attempt 1", { exact: true }).waitFor();
	expect(complaints).toEqual([]);
	await close();
});

it("[U23] a million lines: any of them is shown, few elements are there, and all of it is searched", async () => {
	const run = await submit(
		[{ key: "big", run: "seq -f 'line %.0f of a log that nobody reads' 1000000" }],
		"A million lines",
	);
	await site.settled(run);
	const { page, complaints, close } = await signedIn();
	await page.goto(`/acme/web/runs/${run}/jobs/big#L777778`);
	await logOf(page).getByText("line 777777 of").waitFor();
	await page.getByRole("log").press("G");
	await logOf(page).getByText("line 1000000 of").waitFor();
	await page.getByRole("log").press("g");
	await logOf(page).getByText("line 2 of", { exact: false }).first().waitFor();
	expect(await page.locator(".log-row").count()).toBeLessThan(400);
	await page.getByRole("log").press("Control+f");
	await page.getByPlaceholder("Find in the whole log").fill("line 654321 of");
	await page.getByText("1 of 1").waitFor();
	await page.locator(".log-row.marked").getByText("line 654321 of").waitFor();
	expect(complaints).toEqual([]);
	await close();
});

it("[U24] a server that is killed in the middle of a log costs the page nothing: it says so, and goes on where it was", async () => {
	const { folder } = site;
	const wait = `until [ -e '${folder}/after' ]; do echo tick; sleep 0.2; done`;
	const run = await submit([{ key: "long", run: `echo begun; ${wait}; echo survived` }], "Survive");
	const { page, close } = await signedIn();
	await page.goto(`/acme/web/runs/${run}`);
	await logOf(page).getByText("begun").waitFor();
	await site.end("group");
	await page.getByText("connection was lost").first().waitFor();
	expect(await logOf(page).getByText("begun").isVisible()).toBe(true);
	await site.start();
	await writeFile(`${folder}/after`, "");
	await logOf(page).getByText("survived").waitFor();
	await page.getByRole("heading", { level: 1 }).getByText("passed").waitFor();
	const job = (await site.client.runs.get(repository, run)).jobs?.[0]?.id ?? "";
	const log = (await site.log({ job, attempt: 1 })).toString().trimEnd().split("\n");
	await page.getByRole("log").press("g");
	// biome-ignore lint/suspicious/noControlCharactersInRegex: the runner's own colours.
	const plain = log.map((line) => line.replace(/\u001b\[[\d;]*m/g, ""));
	await expect
		.poll(() => page.locator(".log-row code").allTextContents())
		.toEqual(expect.arrayContaining([plain[0], plain[1]]));
	const drawn = await page.locator(".log-row code").allTextContents();
	expect(drawn).toEqual(plain.slice(0, drawn.length));
	await expect
		.poll(() => page.locator(".log-bar .number").textContent())
		.toBe(`${log.length.toLocaleString("en-US")} lines`);
	await close();
});

it("[U25] no page asks anything of anybody else, and the policy that forbids it refuses nothing of ours", async () => {
	const { page, complaints, close } = await signedIn();
	for (const path of [
		"/",
		"/?owner=acme",
		"/acme/web",
		"/acme/pools/default",
		"/acme/settings",
		"/operator",
		"/nothing/of/that/kind",
	]) {
		const answer = await page.goto(path);
		expect(answer?.headers()["content-security-policy"]).toContain("default-src 'none'");
		await page.locator("main").waitFor();
		await page.waitForLoadState("networkidle");
	}
	expect(complaints).toEqual([]);
	await close();
});

it.each(["light", "dark"] as const)(
	"[U26] everybody can use every page, as far as a machine can tell: %s",
	async (scheme) => {
		const run = await submit([
			{ key: "build", run: "true" },
			{ key: "test", needs: ["build"], run: failing },
		]);
		await site.settled(run);
		const { page, close } = await signedIn({ scheme });
		const faultsFound: string[] = [];
		const places = [
			"/?owner=acme",
			"/acme/web",
			`/acme/web/runs/${run}`,
			"/acme/pools/default",
			"/acme/settings",
			"/operator",
		];
		for (const path of places) {
			await page.goto(path);
			await page.locator("main").waitFor();
			await page.waitForLoadState("networkidle");
			// In a world of its own, which the page's policy does not reach.
			const found = (await page.evaluate(`(() => { ${axe.source}; return axe.run(document); })()`)) as AxeResults;
			const faults = found.violations.map(
				({ id, nodes }) => `${path} ${id}: ${nodes.map(({ html }) => html).join(" ")}`,
			);
			faultsFound.push(...faults);
		}
		expect(faultsFound).toEqual([]);
		await close();
	},
);

it("[U26] a telephone is wide enough for runs, a run and its log: nothing goes over the edge", async () => {
	const run = await submit(
		[{ key: "a-job-with-a-name-that-is-rather-long", run: failing }],
		"A title that is too long for a telephone, by far",
	);
	await site.settled(run);
	const { page, close } = await signedIn({ width: 360, height: 740 });
	for (const path of ["/?owner=acme", "/acme/web", `/acme/web/runs/${run}`, "/acme/pools/default", "/acme/settings"]) {
		await page.goto(path);
		await page.locator("main").waitFor();
		await page.waitForLoadState("networkidle");
		expect([path, await page.evaluate("document.documentElement.scrollWidth")]).toEqual([path, 360]);
	}
	await close();
});
