// The product knows nothing of the chaos: neither its sources nor what is built of them.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../scripts/child.ts";

/** Words of the door, of the reset and of the wrapped bindings. */
const words = ["/chaos/", "resetByChaos", "by chaos", "CHAOS_"];

function filesBelow(folder: string): string[] {
	return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
		.filter((file) => /\.(?:js|ts|sh)$/.test(file))
		.map((file) => join(folder, file));
}

it.each(["dist", "src", "workers"])("[H3] nothing below %s has a word of the chaos", (folder) => {
	const files = filesBelow(folder);
	const found = files.filter((file) => {
		const text = readFileSync(join(root, file), "utf8");
		return words.some((word) => text.includes(word));
	});
	expect([files.length > 5, found]).toEqual([true, []]);
});

it("[H3] the wrapped Worker has them, so that they are words to look for", () => {
	const text = filesBelow("chaos")
		.map((file) => readFileSync(join(root, file), "utf8"))
		.join("");
	for (const word of words) expect(text).toContain(word);
});
