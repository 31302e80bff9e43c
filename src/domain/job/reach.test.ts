import { expect, it } from "vitest";
import { aJob, aRun, aSpec, someSettings } from "../../testing/builders.ts";
import type { RunView } from "../run/decide.ts";
import type { Job } from "./job.ts";
import { checkReach } from "./reach.ts";
import type { JobRequest } from "./submission.ts";

const spec = aSpec({ pool: "small", secrets: ["A", "B"] });
const running = aJob("running", { spec });
const lease = { job: running.id, attempt: 1, epoch: 1 };

function viewOf(job: Job | null): RunView {
	const none = () => {
		throw new Error("not needed");
	};
	const found = (index: number) => (index === job?.index ? job : null);
	return { run: aRun(), job: found, attempt: none, nodes: none, keys: none, jobs: none };
}

function check(jobs: Partial<JobRequest>[], job: Job | null = running, pool = "default"): string {
	const { defaults } = someSettings();
	const wanted = jobs.map((rest, at) => ({ key: `k${at}`, run: "true", ...rest }));
	const result = checkReach(viewOf(job), { lease, jobs: wanted, defaults: { ...defaults, pool } });
	return result.ok ? "ok" : JSON.stringify(Object.values(result.refusal));
}

it.each([
	["its own pool and secrets", [{ pool: "small", secrets: ["B", "A"] }, { pool: "small" }], "ok"],
	["another pool", [{ pool: "small" }, { pool: "big" }], '["pool-limited",1,"big"]'],
	["the default pool, which is another", [{}], '["pool-limited",0,"default"]'],
	["another secret", [{ pool: "small", secrets: ["A", "C"] }], '["secrets-limited",0,"C"]'],
])("[B5] %s", (_, jobs, expected) => {
	expect(check(jobs)).toBe(expected);
});

it("[B5] the default pool counts as what it stands for", () => {
	expect(check([{}], running, "small")).toBe("ok");
});

it("[B5] a lease that is over adds nothing", () => {
	const stale = '["lease-stale"]';
	for (const job of [
		null,
		aJob("finished", { spec }),
		aJob("running", { spec, epoch: 2 }),
		aJob("running", { spec, losesAt: 1 }),
	]) {
		expect(check([], job)).toBe(stale);
	}
	expect(check([], aJob("canceling", { spec }))).toBe("ok");
});
