// The object in the runtime under the same random commands, doubles and evictions as the engine in Node: after each step it must
// have answered the same and show the same.
import { afterEach, expect, inject, it, vi } from "vitest";
import { perform } from "../../src/simulation/command.ts";
import { commandsOf, showAll } from "../../src/simulation/recorded.ts";
import { ObjectPort } from "./behaviours-port.ts";

afterEach(() => {
	vi.restoreAllMocks();
	vi.useRealTimers();
});

it.each(inject("chance"))(
	"[Z5] the object does, command for command, what the engine does in Node (seed $seed)",
	async ({ owner, now, recorded }) => {
		const object = await ObjectPort.open({ owner, now });
		const runs = new Set<string>();
		for (const [at, { step, answers, shown }] of recorded.entries()) {
			vi.spyOn(Math, "random").mockReturnValue(step.random);
			const told = `after\n${recorded
				.slice(0, at + 1)
				.map((each) => JSON.stringify(each.step))
				.join("\n")}`;
			for (const [place, command] of commandsOf(step).entries()) {
				expect(await perform(object, command), told).toEqual(answers[place]);
			}
			for (const run of Object.keys(shown)) runs.add(run);
			expect(await showAll(object, runs), told).toEqual(shown);
			vi.restoreAllMocks();
		}
	},
);
