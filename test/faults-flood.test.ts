// A step that prints more than any log may hold: the job does not mind, nobody's memory grows with it, and what is kept is exact.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { headingOf, repository, Site } from "./fixture-site.ts";

/** What a repository's logs may have unless it says otherwise. */
const logBytesMax = 104_857_600;
const lines = 12_500_000;
const lineBytes = 16;
/** Each process by itself. A log held in memory, even once, would be beyond it together with the program. */
const memoryBytesMax = 700 * 1024 * 1024;

let site: Site;
beforeEach(async () => {
	site = await Site.open();
});
afterEach(() => site.close());

/** The bytes [from, to) of what the step prints: line after line its own number. */
function printed({ from, to }: { from: number; to: number }): Buffer {
	const first = Math.floor(from / lineBytes);
	const text = Array.from({ length: Math.ceil(to / lineBytes) - first }, (_, at) => numbered(first + at)).join("");
	return Buffer.from(text).subarray(from - first * lineBytes, to - first * lineBytes);
}

function numbered(line: number): string {
	return `${String(line).padStart(lineBytes - 1, "0")}\n`;
}

/** The most that the process ever had, where the system remembers it; else what it has now. */
async function memoryBytes(pid: number): Promise<number> {
	const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
	const peak = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
	return Number(peak ?? execFileSync("ps", ["-o", "rss=", "-p", String(pid)], { encoding: "utf8" })) * 1_024;
}

it("[F5] a step that prints 200 MB passes; its log says what was left out of it, any part reads as printed, memory stays bounded", async () => {
	const go = join(site.folder, "go");
	const print = `awk 'BEGIN { for (i = 0; i < ${lines}; i++) printf "%0${lineBytes - 1}d\\n", i }'`;
	const steps = [
		{ name: "flood", run: print },
		{ name: "after", run: `until [ -e '${go}' ]; do sleep 0.05; done; echo dry` },
	];
	const { run } = await site.client.runs.submit(repository, { jobs: [{ key: "flood", steps }] });
	const runner = site.runner("one", { capacity: 1 });
	const name = { job: run.jobs?.[0]?.id ?? "", attempt: 1 };
	const start = Buffer.byteLength(headingOf("flood"));
	/** The log from `at` on is what the step printed from `from` on. */
	const reads = async (at: number, from: number) => {
		const bytes = await site.log(name, { from: at, to: at + 100_000 });
		return bytes.equals(printed({ from, to: from + 100_000 }));
	};
	await site.untilLog(name, { longer: 20_000_000 });
	expect(await reads(start + 9_876_543, 9_876_543)).toBe(true);
	await writeFile(go, "");
	const [job] = (await site.settled(run.id)).jobs;
	const [attempt] = job?.attempts ?? [];
	expect([attempt?.outcome, attempt?.steps.map(({ exitCode }) => exitCode)]).toEqual(["passed", [0, 0]]);

	const bytes = job && attempt ? await site.wholeLog(job, attempt) : Buffer.alloc(0);
	expect(bytes.length).toBeLessThanOrEqual(logBytesMax);
	expect(bytes.length).toBeGreaterThan(logBytesMax - 10_000);
	const { at, to, leftOut } = noticeIn(bytes);
	expect(digest(bytes.subarray(start, at))).toBe(digest(printed({ from: 0, to: at - start })));
	const end = Buffer.from(`${headingOf("after")}dry\n`);
	const resumed = at - start + leftOut;
	const rest = Buffer.concat([printed({ from: resumed, to: lines * lineBytes }), end]);
	expect(digest(bytes.subarray(to))).toBe(digest(rest));
	// At the seam of two blocks of the archive, in the middle, just before the notice, and behind it.
	const heads = [262_144 - start, 52_428_800, at - start - 100_000];
	const places = [...heads.map((from) => [start + from, from] as const), [to, resumed] as const];
	for (const [place, from] of places) expect([place, await reads(place, from)]).toEqual([place, true]);

	const pids = { server: site.ready.pid, workerd: await site.workerdPid(), runner: runner.process.pid ?? 0 };
	for (const [name, pid] of Object.entries(pids)) {
		const used = await memoryBytes(pid);
		expect(used, `the memory of ${name}`).toBeGreaterThan(0);
		expect(used, `the memory of ${name}`).toBeLessThan(memoryBytesMax);
	}
});

/** The runner's line about what it left out, which stands where that would be. */
function noticeIn(bytes: Buffer): { at: number; to: number; leftOut: number } {
	const at = bytes.indexOf("\n\u001b[1;33mThe log is longer than its limit");
	const pattern = new RegExp(`its limit of ${logBytesMax} bytes: (\\d+) bytes were left out here\\.\u001b\\[0m\n`);
	const match = pattern.exec(bytes.subarray(at, at + 300).toString());
	if (!match) throw new Error("nothing says what was left out");
	return { at, to: at + match.index + match[0].length, leftOut: Number(match[1]) };
}

function digest(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}
