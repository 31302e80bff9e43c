import { expect, it } from "vitest";

it("[T38] what takes longer than a second is waited for", async () => {
	const startedAt = performance.now();
	await expect.poll(() => performance.now() - startedAt).toBeGreaterThan(1_100);
});
