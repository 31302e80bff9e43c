import { afterEach, expect, it, vi } from "vitest";
import { LastTestWatch } from "./last-test-watch.ts";

afterEach(() => vi.useRealTimers());

const file = (moduleId: string) => ({ project: { name: "node" }, moduleId }) as never;

function watched(modulesAreOk: boolean) {
	vi.useFakeTimers();
	const told: unknown[] = [];
	const codes: number[] = [];
	const modules = [{ ok: () => modulesAreOk }];
	const watch = new LastTestWatch({ exit: (code) => codes.push(code) });
	watch.onInit({
		reporters: [{ onTestRunEnd: (...end: unknown[]) => void told.push(end) }],
		state: { getTestModules: () => modules, getUnhandledErrors: () => [] },
	} as never);
	watch.onTestRunStart([file("a"), file("b")]);
	return { watch, told, codes, modules };
}

it.each([true, false])(
	"[T18] a run that does not end after its last test is ended with all results (all passed: %s)",
	async (areOk) => {
		vi.spyOn(console, "error").mockReturnValue();
		const { watch, told, codes, modules } = watched(areOk);
		watch.onTestModuleEnd(file("a"));
		await vi.advanceTimersByTimeAsync(600_000);
		expect([told, codes]).toEqual([[], []]);
		watch.onTestModuleEnd(file("b"));
		await vi.advanceTimersByTimeAsync(59_999);
		expect(codes).toEqual([]);
		await vi.advanceTimersByTimeAsync(1);
		expect([told, codes]).toEqual([[[modules, [], areOk ? "passed" : "failed"]], [areOk ? 0 : 1]]);
	},
);

it("[T18] one that ends by itself is left alone", async () => {
	const { watch, codes } = watched(true);
	for (const name of ["a", "b"]) watch.onTestModuleEnd(file(name));
	watch.onTestRunEnd();
	await vi.advanceTimersByTimeAsync(600_000);
	expect(codes).toEqual([]);
});
