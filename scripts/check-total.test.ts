import { expect, it } from "vitest";
import { total } from "./check-total.ts";

const report = { numPassedTests: 5, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
const well = { tests: 0, check: 0 };

it.each([
	["all is well", report, well, { passed: 5, failed: 0 }],
	["tests failed", { ...report, numFailedTests: 2 }, { tests: 1, check: 0 }, { passed: 5, failed: 2 }],
	["a test was skipped", { ...report, numPendingTests: 1, numTodoTests: 1 }, well, { passed: 5, failed: 2 }],
	["a file could not be loaded", report, { tests: 1, check: 0 }, { passed: 5, failed: 1 }],
	["a part of the check failed", report, { tests: 0, check: 1 }, { passed: 5, failed: 1 }],
	["no test ran", { ...report, numPassedTests: 0 }, well, { passed: 0, failed: 1 }],
	["nothing could be run", null, { tests: 1, check: 1 }, { passed: 0, failed: 2 }],
	["only the report is missing", null, well, { passed: 0, failed: 1 }],
] as const)("[T5] the total never hides a failure: %s", (_, results, statuses, expected) => {
	expect(total(results, statuses)).toEqual(expected);
});
