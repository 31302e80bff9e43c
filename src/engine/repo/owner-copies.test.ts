// The owner's secrets as a repository's jobs get them: asked for now and then, and never on a job's way. Over the SQLite of Node.
import { expect, it } from "vitest";
import type { OwnerCalls } from "../../contracts/objects/owner.ts";
import type { SealedSecret } from "../../contracts/objects/secrets.ts";
import { Outage } from "../../contracts/wire/outage.ts";
import { jobIdFrom, runIdFrom } from "../../domain/ids.ts";
import type { JobId } from "../../domain/ids.ts";
import type { Submission } from "../../domain/job/submission.ts";
import { aReport, must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { noon } from "../../testing/clock.ts";

class Site {
	readonly port = new SimulatedPort("acme", noon);
	readonly owned = new Map<string, SealedSecret>();
	/** Each question, as the names in it. */
	readonly asked: string[] = [];
	isAway = false;
	#made = 0;

	static async open(): Promise<Site> {
		const site = new Site();
		const secretsFor: OwnerCalls["secretsFor"] = async (names) => {
			site.asked.push(names.join(" "));
			if (site.isAway) throw new Outage("away");
			return names.flatMap((name) => site.owned.get(name) ?? []);
		};
		site.port.owners = { ...site.port.owners, secretsFor };
		must(await site.port.calls.configure({ owner: "acme", repo: "web", request: {}, replace: true }));
		return site;
	}

	own(name: string, sealed: string, rest: Partial<SealedSecret> = {}): void {
		this.owned.set(name, { name, sealed, refs: null, forks: false, ...rest });
	}

	async submit(secrets: string[], rest: Partial<Submission> = {}): Promise<JobId> {
		const run = runIdFrom(new Uint8Array(15).fill(++this.#made));
		const jobs = [{ key: "a", run: "true", secrets }];
		const base = { source: null, title: null, trigger: "api", actor: "ann", cancelSuperseded: false } as const;
		must(await this.port.calls.submit({ run, key: null, digest: "", submission: { ...base, jobs, ...rest } }));
		return jobIdFrom(run, 0);
	}

	/** What each job that is granted now is given. */
	async grants(): Promise<Record<string, string>[]> {
		const call = { runner: { id: "rn1", name: "one" }, pool: "default", shard: 0, labels: [], free: 9 };
		const { grants } = await this.port.calls.claim(call);
		for (const { claim } of grants) {
			must(await this.port.calls.start(claim));
			must(await this.port.calls.finish(claim, aReport()));
		}
		await this.port.rest();
		return grants.map(({ grant }) => grant.job.secrets);
	}

	async shown(job: JobId) {
		const { state, outcome, reason, waiting } = must(await this.port.calls.job(job));
		return { state, outcome, text: reason ?? waiting?.detail ?? null };
	}
}

it("[B30] a job gets the owner's secret, and the repository's own of that name first, with its terms", async () => {
	const site = await Site.open();
	site.own("SHARED", "owner's");
	site.own("BOTH", "owner's", { forks: true });
	must(await site.port.calls.setSecret({ name: "BOTH", sealed: "own", refs: ["main"], forks: false }));
	await site.submit(["SHARED"]);
	await site.submit(["BOTH", "SHARED"], {
		source: { cloneUrl: "https://git.example/web.git", ref: "main", commit: null },
	});
	expect(await site.grants()).toEqual([{ SHARED: "owner's" }, { BOTH: "own", SHARED: "owner's" }]);
	const withheld = await site.submit(["BOTH"]);
	const unset = await site.submit(["NEITHER"]);
	const forks = await site.submit(["SHARED"], { trigger: "pull_request" });
	expect(await site.grants()).toEqual([]);
	const texts = [await site.shown(withheld), await site.shown(unset), await site.shown(forks)];
	expect(texts.map(({ outcome, text }) => [outcome, text])).toEqual([
		["refused", 'the secret "BOTH" is for certain refs, and the run names none'],
		["refused", 'the secret "NEITHER" is not set'],
		["refused", 'the secret "SHARED" is not for runs of forks'],
	]);
});

it("[B36] the owner's object is asked once for many jobs, and beside the work from then on", async () => {
	const site = await Site.open();
	site.own("SHARED", "v");
	for (let at = 0; at < 5; at++) await site.submit(["SHARED"]);
	expect(await site.grants()).toHaveLength(5);
	expect(site.asked).toEqual(["SHARED"]);
	for (let seconds = 0; seconds < 120; seconds += 10) {
		site.port.moveClock(10_000);
		await site.submit(["SHARED"]);
		expect(await site.grants()).toEqual([{ SHARED: "v" }]);
	}
	expect(site.asked.length).toBeLessThanOrEqual(1 + 120 / 15);
	await site.submit([]);
	const before = site.asked.length;
	site.port.moveClock(600_000);
	expect([await site.grants(), site.asked.length]).toEqual([[{}], before]);
});

it("[B36] what was changed or forgotten is given to nobody a minute later, whatever the owner's object answers by then", async () => {
	for (const isAway of [false, true]) {
		const site = await Site.open();
		site.own("SHARED", "before");
		await site.submit(["SHARED"]);
		expect(await site.grants()).toEqual([{ SHARED: "before" }]);
		site.own("SHARED", "after");
		site.isAway = isAway;
		const seen: unknown[] = [];
		for (let seconds = 0; seconds <= 60; seconds += 5) {
			await site.submit(["SHARED"]);
			const granted = await site.grants();
			if (seconds >= 55) seen.push(...granted);
			site.port.moveClock(5_000);
		}
		expect(JSON.stringify(seen)).not.toContain("before");
		if (!isAway) expect(seen).toContainEqual({ SHARED: "after" });
		site.isAway = false;
		site.owned.clear();
		site.port.moveClock(60_000);
		await site.port.alarm();
		const gone = await site.submit(["SHARED"]);
		expect(await site.grants()).toEqual([]);
		expect(await site.shown(gone)).toMatchObject({ outcome: "refused", text: 'the secret "SHARED" is not set' });
	}
});

it("[B36] while the owner's object is away, jobs go by copies as long as these hold, then wait and hold up no other", async () => {
	const site = await Site.open();
	site.own("SHARED", "v");
	await site.submit(["SHARED"]);
	await site.grants();
	site.isAway = true;
	site.port.moveClock(30_000);
	await site.submit(["SHARED"]);
	expect(await site.grants()).toEqual([{ SHARED: "v" }]);
	site.port.moveClock(20_000);
	const waits = await site.submit(["SHARED"]);
	await site.submit([]);
	expect(await site.grants()).toEqual([{}]);
	expect(await site.shown(waits)).toMatchObject({
		state: "waiting",
		text: 'its owner does not say at present what the secret "SHARED" is',
	});
	const asked = site.asked.length;
	await site.submit(["SHARED"]);
	expect([await site.grants(), site.asked.length]).toEqual([[], asked]);
	await site.port.evict();
	site.isAway = false;
	site.port.moveClock(15_001);
	await site.port.alarm();
	expect(await site.grants()).toEqual([{ SHARED: "v" }, { SHARED: "v" }]);
});
