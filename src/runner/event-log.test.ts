// What the runner says about itself: whatever a fact holds, an event is one line.
import { describe, expect, it } from "vitest";
import type { EventFacts } from "./event-log.ts";
import { jsonEventLog, plainEventLog } from "./event-log.ts";

const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z /;

/** What is written for one event, without its time. */
function plain(facts: EventFacts): string {
	const written: string[] = [];
	plainEventLog((line) => void written.push(line))("job-ended", facts);
	expect(written).toEqual([expect.stringMatching(time)]);
	return written.join("").replace(time, "");
}

describe("the runner's own log", () => {
	it.each<[EventFacts, string]>([
		[{}, "job-ended\n"],
		[{ job: "j1-0", exitCode: 0, isLost: false, signal: null }, "job-ended job=j1-0 exitCode=0 isLost=false\n"],
		[{ reason: "two words" }, 'job-ended reason="two words"\n'],
		[{ reason: "a\nforged-event job=j2" }, 'job-ended reason="a\\nforged-event job=j2"\n'],
		[{ reason: "\n" }, 'job-ended reason="\\n"\n'],
		[{ reason: "word\n" }, 'job-ended reason="word\\n"\n'],
		[{ reason: "a\r\u2028b" }, 'job-ended reason="a\\r\\u2028b"\n'],
		[{ reason: "\u009b2J\u007f\u202e" }, 'job-ended reason="\\u009b2J\\u007f\\u202e"\n'],
		[{ reason: 'says "no"' }, 'job-ended reason="says \\"no\\""\n'],
		[{ reason: "\u001b[2J" }, 'job-ended reason="\\u001b[2J"\n'],
	])("[N115] %j is one line for people", (facts, expected) => {
		expect(plain(facts)).toBe(expected);
	});

	it("[N115] and one line of JSON for programs", () => {
		const written: string[] = [];
		jsonEventLog((line) => void written.push(line))("job-ended", { reason: "a\nb", signal: null });
		expect(written).toEqual([expect.stringMatching(/^[^\n]+\n$/)]);
		expect(JSON.parse(written.join(""))).toMatchObject({ event: "job-ended", reason: "a\nb", signal: null });
	});
});
