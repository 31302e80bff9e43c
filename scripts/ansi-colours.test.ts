import { expect, it } from "vitest";
import { ansiColour, ansiStyles, contrast, contrastMin } from "./ansi-colours.ts";

it("[U14] every colour that a log may have reads on its page, light and dark, in front and behind", () => {
	for (let number = 0; number < 256; number++) {
		const { light, dark, back, onBack } = ansiColour(number);
		const ratios = [contrast(light, [255, 255, 255]), contrast(dark, [20, 23, 26]), contrast(onBack, back)];
		expect([number, Math.min(...ratios) >= contrastMin]).toEqual([number, true]);
	}
	expect(ansiStyles().split("\n")).toHaveLength(256);
});
