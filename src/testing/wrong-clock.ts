// Preloaded into a runner's process (`node --import`), it sets that process's clock wrong, by as many hours as the file named in
// WRONG_CLOCK_FILE says at the moment: so a test can also set the clock while the process runs.
import { readFileSync } from "node:fs";

const hourMs = 60 * 60 * 1_000;
const RightDate = Date;

function shiftMs(): number {
	return Number(readFileSync(process.env.WRONG_CLOCK_FILE ?? "", "utf8")) * hourMs;
}

globalThis.Date = class extends RightDate {
	constructor(...words: unknown[]) {
		super(...((words.length === 0 ? [RightDate.now() + shiftMs()] : words) as [number]));
	}

	static override now(): number {
		return RightDate.now() + shiftMs();
	}
} as unknown as DateConstructor;
