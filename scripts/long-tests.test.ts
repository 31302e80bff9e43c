// Which tests there are in the short form and in the long one.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "./child.ts";

it("[T8] `.ci/run` asks for the long form before it calls the README's command for all tests", async () => {
	const script = await readFile(join(root, ".ci/run"), "utf8");
	const [long, test] = [script.indexOf("\nexport SPILLWAY_LONG_TESTS=1\n"), script.indexOf(" npm test\n")];
	expect([long > 0, test > long]).toEqual([true, true]);
	expect(await readFile(join(root, "README.md"), "utf8")).toContain("| `npm test` |");
});

it("[T8] a file that has tests in the long form alone says so by its name, since the runner takes one without a test for a failure", async () => {
	const folder = join(root, "test");
	for (const name of await readdir(folder)) {
		if (!name.endsWith(".test.ts") || name.endsWith(".long.test.ts")) continue;
		const hasShort = /^\s*it(?:\.concurrent|\.each)?(?:<\w+>)?\(/m.test(await readFile(join(folder, name), "utf8"));
		expect([name, hasShort]).toEqual([name, true]);
	}
});
