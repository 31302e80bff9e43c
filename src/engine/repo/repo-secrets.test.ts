// Which attempts are given which secrets, over the SQLite of Node: every way in which an attempt can come to be, by chance.
import { expect, it } from "vitest";
import type { Claimed, LeaseIdentity } from "../../contracts/objects/objects.ts";
import { jobIdFrom, parseJobId, runIdFrom } from "../../domain/ids.ts";
import type { RunId } from "../../domain/ids.ts";
import type { SecretTerms } from "../../domain/job/secret-terms.ts";
import type { JobRequest, Submission, Trigger } from "../../domain/job/submission.ts";
import { aFailure, aReport, must } from "../../simulation/queue-driver.ts";
import { SimulatedPort } from "../../simulation/world/simulated-port.ts";
import { noon } from "../../testing/clock.ts";
import type { SeededRandom } from "../../testing/random.ts";
import { seededRandom } from "../../testing/random.ts";

const own = "https://git.example/acme/web.git";
const others = "https://git.example/mallory/web.git";
const moved = "https://new.example/acme/web.git";
const weekMs = 7 * 86_400_000;
const dev = { actor: "ann", reason: null };

const terms: Record<string, SecretTerms> = {
	ANY: { refs: null, forks: false },
	MAIN: { refs: ["main"], forks: false },
	FORKS: { refs: null, forks: true },
	FORKS_MAIN: { refs: ["main"], forks: true },
};
const names = Object.keys(terms);

/** Where a run came from, as this test knows it by itself. */
interface Origin {
	isForks: boolean;
	cloneUrl: string;
	isMain: boolean;
}

/** The rule, said a second time. */
function mayHave(name: string, { isForks, cloneUrl, isMain }: Origin, present: string): boolean {
	const { refs = null, forks = false } = terms[name] ?? {};
	return (forks || (!isForks && cloneUrl === present)) && (refs === null || isMain);
}

/** One repository and all that was done to it. */
class Day {
	readonly port = new SimulatedPort("acme", noon);
	readonly origins = new Map<RunId, Origin>();
	readonly leases: LeaseIdentity[] = [];
	/** How each attempt that was granted with a secret, and each job that was refused for one, came to be. */
	readonly granted = new Set<string>();
	readonly refused = new Set<string>();
	/** What was done to a run's jobs last. */
	readonly #ways = new Map<RunId, string>();
	readonly random: SeededRandom;
	#url = own;
	#made = 0;

	constructor(seed: number) {
		this.random = seededRandom(seed);
	}

	async open(): Promise<void> {
		await this.#configure();
		for (const name of names) {
			must(await this.port.calls.setSecret({ name, sealed: `value of ${name}`, ...terms[name] }));
		}
	}

	async act(): Promise<void> {
		const acts = [
			...Array<() => Promise<void>>(3).fill(() => this.#submit()),
			...Array<() => Promise<void>>(6).fill(() => this.#claim()),
			...Array<() => Promise<void>>(4).fill(() => this.#end()),
			...[() => this.#retry(), () => this.#retry(), () => this.#add(), () => this.#cancel(), () => this.#bulk()],
			...[
				() => this.#tick(),
				() => this.#tick(),
				() => this.#lapse(),
				() => this.port.evict(),
				() => this.#sleep(),
				() => this.#move(),
			],
		];
		await this.random.pick(acts)();
		await this.#settle();
	}

	#configure() {
		const request = { cloneUrl: this.#url, retryBudget: { perHour: 1_000 }, maxRunning: 1_000 };
		return this.port.calls.configure({ owner: "acme", repo: "web", request, replace: true }).then(must);
	}

	async #move(): Promise<void> {
		this.#url = this.#url === own ? moved : own;
		await this.#configure();
	}

	#jobs(): JobRequest[] {
		const secrets = names.filter(() => this.random.chance(0.4));
		const retry = { maxAttempts: 3, backoff: { initialSeconds: 0 } };
		return [{ key: `k${this.#made++}`, run: "true", secrets, retry, onLost: "retry" }];
	}

	async #submit(): Promise<void> {
		const { random } = this;
		const trigger = random.pick<Trigger>(["api", "push", "pull_request"]);
		const cloneUrl = random.pick([this.#url, this.#url, this.#url, others]);
		const ref = random.pick(["main", "refs/heads/main", "feature", "refs/pull/1/head"]);
		const { fork } = random.pick<{ fork?: boolean }>([{}, {}, { fork: true }, { fork: false }]);
		const isForks = cloneUrl !== this.#url || (fork ?? (trigger === "pull_request" || ref.startsWith("refs/pull")));
		const run = runIdFrom(Uint8Array.from({ length: 15 }, () => random.below(256)));
		const source = { cloneUrl, ref, commit: null };
		const rest = { title: null, actor: "ann", cancelSuperseded: false };
		const submission: Submission = { source, trigger, fork, ...rest, jobs: this.#jobs() };
		const call = { run, key: null, digest: "", submission };
		this.origins.set(run, { isForks, cloneUrl, isMain: ref.endsWith("main") });
		if (random.chance(0.3)) {
			const drained = await this.port.calls.drain([{ ...call, acceptedAt: this.port.now(), canceled: null }]);
			for (const one of drained) must(one);
			this.#ways.set(run, "drain");
		} else {
			must(await this.port.calls.submit(call));
			this.#ways.set(run, "submit");
		}
	}

	async #claim(): Promise<void> {
		for (const { claim } of await this.#granted()) {
			must(await this.port.calls.start(claim));
			this.leases.push(claim);
		}
	}

	async #granted(): Promise<Claimed["grants"]> {
		const call = { runner: { id: "rn1", name: "one" }, pool: "default", shard: 0, labels: [], free: 5 };
		const { grants } = await this.port.calls.claim(call);
		for (const { grant, claim } of grants) {
			const { secrets } = grant.job;
			const place = parseJobId(claim.job);
			const origin = this.origins.get(grant.run.id);
			if (origin === undefined || place === null) throw new Error("a grant of no run");
			const { spec, cause } = this.port.queue.job(claim.job) ?? {};
			const asked = spec?.secrets ?? [];
			expect(secrets).toEqual(Object.fromEntries(asked.map((name) => [name, `value of ${name}`])));
			for (const name of asked) expect([name, mayHave(name, origin, this.#url)]).toEqual([name, true]);
			const isAgain = cause?.by === "rule" || cause?.by === "platform";
			if (asked.length > 0) this.granted.add(isAgain ? cause.by : (this.#ways.get(grant.run.id) ?? ""));
		}
		return grants;
	}

	/** By its report, by its loss, or by adding jobs to its run first. */
	async #end(): Promise<void> {
		const lease = this.leases.shift();
		if (lease === undefined) return;
		const run = parseJobId(lease.job)?.run ?? "";
		const how = this.random.pick(["passes", "fails", "lost", "lease"]);
		if (how === "lease") await this.#addWith(lease, run);
		if (how === "lost") await this.port.calls.expire([lease], 60_000);
		else await this.port.calls.finish(lease, how === "fails" ? aFailure() : aReport());
		if (how === "lease") this.#ways.set(run, how);
	}

	async #addWith(lease: LeaseIdentity, run: RunId): Promise<void> {
		const secrets = this.port.queue.job(lease.job)?.spec.secrets ?? [];
		const jobs = [{ key: `k${this.#made++}`, run: "true", secrets }];
		await this.port.calls.addJobs({ run, jobs, key: null, digest: "", lease, ...dev });
	}

	#anyRun(): RunId {
		return this.random.pick(["", ...this.origins.keys()]);
	}

	async #retry(): Promise<void> {
		const run = this.#anyRun();
		const isArchived = this.port.archive.has(run);
		const isOne = this.random.chance(0.5);
		const done = isOne
			? await this.port.calls.retryJob({ job: jobIdFrom(run, 0), key: null, ...dev })
			: await this.port.calls.retryRun({ run, only: "all", key: null, ...dev });
		if (done.ok) this.#ways.set(run, isArchived ? "recall" : isOne ? "retry-job" : "retry-run");
	}

	async #add(): Promise<void> {
		const run = this.#anyRun();
		const done = await this.port.calls.addJobs({ run, jobs: this.#jobs(), key: null, digest: "", ...dev });
		if (done.ok) this.#ways.set(run, "add");
	}

	async #cancel(): Promise<void> {
		await this.port.calls.cancelRun({ run: this.#anyRun(), ...dev });
	}

	async #bulk(): Promise<void> {
		const outcome = ["failed", "refused", "canceled", "lost"] as const;
		const call = { outcome: [...outcome], since: null, label: null, ref: null, dryRun: false, key: null };
		const done = must(await this.port.calls.retryMatching({ ...call, ...dev }));
		for (const { run } of done.items) this.#ways.set(run, "bulk");
	}

	async #tick(): Promise<void> {
		this.port.moveClock(60_000);
		await this.port.alarm();
	}

	/** Grants that nobody starts go back. */
	async #lapse(): Promise<void> {
		for (const { grant } of await this.#granted()) this.#ways.set(grant.run.id, "lapse");
		this.port.moveClock(20_000);
		await this.port.alarm();
		await this.#tick();
	}

	/** What has ended goes to the archive. */
	async #sleep(): Promise<void> {
		for (const lease of this.leases.splice(0)) await this.port.calls.finish(lease, aReport());
		await this.#settle();
		this.port.moveClock(weekMs + 1);
		for (let slice = 0; slice < 3; slice++) await this.port.alarm();
	}

	/** All that was told arrives. */
	async #settle(): Promise<void> {
		await this.port.rest();
		await this.port.tell();
	}

	/** Jobs that were refused name a secret that is not for them. */
	checkRefused(): void {
		for (const [run, origin] of this.origins) {
			if (this.port.queue.run(run) === null) continue;
			for (const job of this.port.queue.tables.jobs(run, 0, 100)) {
				if (job.state !== "finished" || job.outcome !== "refused") continue;
				const name = /^the secret "(\w+)" is (not )?for /.exec(job.reason ?? "")?.[1] ?? "";
				expect(job.spec.secrets).toContain(name);
				this.refused.add(this.#ways.get(run) ?? "");
				expect([mayHave(name, origin, own), mayHave(name, origin, moved)]).toContain(false);
			}
		}
	}
}

const ways = ["submit", "drain", "add", "lease", "lapse", "retry-job", "retry-run", "bulk", "recall"];

it("[B29][B31] whatever made the attempt, it has the secrets that are for its run, all that its job asks for, or it is refused", async () => {
	const granted = new Set<string>();
	const refused = new Set<string>();
	for (let seed = 1; seed <= 12; seed++) {
		const day = new Day(seed);
		await day.open();
		for (let act = 0; act < 120; act++) {
			try {
				await day.act();
				if (act % 10 === 9) day.checkRefused();
			} catch (cause) {
				throw new Error(`seed ${seed}, act ${act}: ${String(cause)}`, { cause });
			}
		}
		for (const way of day.granted) granted.add(way);
		for (const way of day.refused) refused.add(way);
	}
	// Each way was gone, with a secret and without one. What lapsed had been granted: only other settings take its secret away.
	expect([...granted].sort()).toEqual([...ways, "platform", "rule"].sort());
	expect([...refused, "lapse"]).toEqual(expect.arrayContaining(ways));
});
