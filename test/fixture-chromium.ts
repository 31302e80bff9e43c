// A real browser before a real server: one Chromium for a file of tests, a page of its own for each test.
import chromium from "@sparticuz/chromium";
import { chromium as browsers } from "playwright-core";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { expect } from "vitest";

export interface Seen {
	page: Page;
	/** What the browser complained of: errors of scripts, refusals of the policy, requests that left the server. */
	complaints: string[];
	close: () => Promise<void>;
}

export interface Look {
	width?: number;
	height?: number;
	scheme?: "light" | "dark";
}

export class TestBrowser {
	readonly #browser: Browser;

	private constructor(browser: Browser) {
		this.#browser = browser;
	}

	static async open(): Promise<TestBrowser> {
		// Not the package's own words: among them are one process for all pages, which ends with the first that is closed, and a
		// policy that is looser than people's browsers have.
		const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
		return new TestBrowser(await browsers.launch({ executablePath: await chromium.executablePath(), args }));
	}

	close(): Promise<void> {
		return this.#browser.close();
	}

	/** Signed in with `token` where one is given. */
	async look(
		url: string,
		{ token = null, width = 1280, height = 800, scheme = "light" }: Look & { token?: string | null } = {},
	): Promise<Seen> {
		const context = await this.#browser.newContext({ viewport: { width, height }, colorScheme: scheme, baseURL: url });
		if (token !== null) await signIn(context, url, token);
		const page = await context.newPage();
		const complaints: string[] = [];
		page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
		page.on("console", (message) => {
			// An answer that is a refusal is one too, and each test knows which it provokes.
			if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
				complaints.push(`console: ${message.text()}`);
			}
		});
		page.on("request", (request) => {
			if (!request.url().startsWith(url) && !request.url().startsWith("data:"))
				complaints.push(`left: ${request.url()}`);
		});
		return { page, complaints, close: () => context.close() };
	}
}

async function signIn(context: BrowserContext, url: string, token: string): Promise<void> {
	const headers = { "Spillway-Request": "1" };
	const answer = await context.request.post(`${url}/v1/session`, { headers, data: { token } });
	expect(answer.status()).toBe(204);
}
