import { expect, it, vi } from "vitest";

it("[T37] what takes longer than a second is waited for", async () => {
	const startedAt = performance.now();
	await vi.waitFor(() => expect(performance.now() - startedAt).toBeGreaterThan(1_100));
});

it("[T37] a limit that a test names is kept", async () => {
	const never = vi.waitFor(() => expect(0).toBe(1), { timeout: 20, interval: 5 });
	await expect(never).rejects.toThrow("expected +0 to be 1");
	await expect(vi.waitFor(() => expect(0).toBe(1), 20)).rejects.toThrow("expected +0 to be 1");
});
