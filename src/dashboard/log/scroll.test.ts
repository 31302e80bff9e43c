import { expect, it } from "vitest";
import { isScaled, rowPixels, rowsInView, scrollTopFor, spacerPixels, spacerPixelsMax, topLine } from "./scroll.ts";

it.each([100, 10_000, 555_555, 1_000_000, 50_000_000])(
	"[U11] any line of %i is reached by the scroll bar, and no element is taller than browsers take",
	(lines) => {
		const extent = { lines, viewPixels: 600 };
		expect(spacerPixels(extent)).toBeLessThanOrEqual(spacerPixelsMax);
		for (const line of [1, 2, Math.floor(lines / 3), lines - rowsInView(extent)]) {
			expect(topLine(scrollTopFor(line, extent), extent)).toBeCloseTo(line, 3);
		}
		const end = topLine(spacerPixels(extent) - extent.viewPixels, extent);
		expect(end + extent.viewPixels / rowPixels).toBeCloseTo(lines + 1, 3);
	},
);

it("[U11] a log that fits is shorter than its box, and is not scaled", () => {
	const extent = { lines: 3, viewPixels: 600 };
	expect([spacerPixels(extent), isScaled(extent), topLine(0, extent)]).toEqual([600, false, 1]);
});
