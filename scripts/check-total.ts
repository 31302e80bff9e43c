// Prints `N passed, N failed` from vitest's report, the last line of `.ci/run`. What is not a test and failed (a part of
// the check, a report that is not there, a run that ended badly without a failing test) counts as one failure each.
import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";

interface Report {
	numPassedTests: number;
	numFailedTests: number;
	/** Skipped: nothing here may be. */
	numPendingTests: number;
	numTodoTests: number;
}

export interface Total {
	passed: number;
	failed: number;
}

export function total(report: Report | null, statuses: { tests: number; check: number }): Total {
	const passed = report?.numPassedTests ?? 0;
	let failed = report === null ? 0 : report.numFailedTests + report.numPendingTests + report.numTodoTests;
	if (failed === 0 && (report === null || statuses.tests !== 0 || passed === 0)) failed = 1;
	if (statuses.check !== 0) failed++;
	return { passed, failed };
}

async function main([file = "", tests = "1", check = "1"]: string[]): Promise<void> {
	const report = await readFile(file, "utf8")
		.then((text) => JSON.parse(text) as Report)
		.catch(() => null);
	const { passed, failed } = total(report, { tests: Number(tests), check: Number(check) });
	console.log(`${passed} passed, ${failed} failed`);
	process.exitCode = failed > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
