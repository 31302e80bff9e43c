// Everything that may befall runners and their server, in an order and a mixture that a seed chooses, while jobs of every kind
// come and run; and what must hold afterwards, as it is seen from outside. The seed chooses the faults, not how the machine's
// processes take their turns: a failure repeats mostly, not always.
import { cpSync, mkdirSync, writeFileSync } from "node:fs";
import { expect } from "vitest";
import type { Child } from "../scripts/child.ts";
import { RunnerSession } from "../src/client/runner-session.ts";
import type { Job, Run, RunRequest } from "../src/contracts/http/run.ts";
import { lossesMax } from "../src/domain/limits.ts";
import { seededRandom } from "../src/testing/random.ts";
import type { SeededRandom } from "../src/testing/random.ts";
import type { CuttableProxy } from "./runner-rig.ts";
import { outcomes, pause, RunnerRig } from "./runner-rig.ts";

const pool = "chaos";
const faultsMax = 14;
/** Faults that last so long cost leases: some do, most do not. */
const leaseLostMs = 55_000;
const wrongClock = new URL("../src/testing/wrong-clock.ts", import.meta.url).href;

/** One runner's place: its process now, its folder and its way to the server. */
interface Place {
	name: string;
	proxy: CuttableProxy;
	workDir: string;
	child: Child;
	/** Something befalls it: nothing else does meanwhile. */
	isTaken: boolean;
}

export class Chaos {
	readonly #rig: RunnerRig;
	readonly #random: SeededRandom;
	readonly #places: Place[] = [];
	readonly #submitted: { request: RunRequest; key: string; run: Run }[] = [];
	/** What was done, for whoever must find out what it broke. */
	readonly #story: string[] = [];
	/** Faults that are not over yet. */
	readonly #pending: Promise<void>[] = [];
	readonly #beganAt = performance.now();

	private constructor(rig: RunnerRig, seed: number) {
		this.#rig = rig;
		this.#random = seededRandom(seed);
	}

	static async run(seed: number): Promise<void> {
		const chaos = new Chaos(await RunnerRig.open(), seed);
		try {
			await chaos.#begin();
			for (let fault = 0; fault < faultsMax; fault++) {
				if (fault % 3 === 0) await chaos.#submit();
				await chaos.#befall();
				await pause(chaos.#random.below(2_500));
			}
			await Promise.all(chaos.#pending);
			chaos.#tell("no more faults");
			await chaos.#expectInvariants();
		} catch (failure) {
			if (failure instanceof Error) failure.message += `\nseed ${seed}:\n${chaos.#story.join("\n")}`;
			throw failure;
		} finally {
			await chaos.#rig.close();
		}
	}

	async #begin(): Promise<void> {
		for (const [at, name] of ["one", "two", "three"].entries()) {
			const proxy = await this.#rig.cuttable();
			writeFileSync(this.#rig.path(`${name}.clock`), String([0, 3, -3][at]));
			const place = { name, proxy, workDir: name, isTaken: false };
			this.#places.push({ ...place, child: this.#spawn(place) });
		}
	}

	#spawn({ name, proxy, workDir }: Pick<Place, "name" | "proxy" | "workDir">): Child {
		const environment = { NODE_OPTIONS: `--import=${wrongClock}`, WRONG_CLOCK_FILE: this.#rig.path(`${name}.clock`) };
		const words = ["--name", name, "--capacity", "2"];
		return this.#rig.runner(pool, { workDir, url: proxy.url, words, environment });
	}

	/** One that passes, one that fails each time, and one that may never run twice at once. */
	async #submit(): Promise<void> {
		const key = `run ${this.#submitted.length}`;
		const count = `for i in $(seq 40); do echo "tick $i"; sleep 0.1; done`;
		const deploy = `for i in $(seq 30); do echo "$SPILLWAY_JOB_ID.$SPILLWAY_ATTEMPT" >> '${this.#rig.path("deploys")}'; sleep 0.1; done`;
		const jobs: RunRequest["jobs"] = [
			{ key: "pass", run: count },
			{ key: "fail", run: "sleep 1; exit 3", retry: { maxAttempts: 2, on: [{ exitCodes: [3] }] } },
			{ key: "deploy", run: deploy, concurrencyGroup: "deploy", onLost: "retry" },
		];
		const request = { jobs: jobs.map((job) => ({ ...job, pool })) };
		const name = { owner: "acme", repo: pool };
		if (this.#submitted.length === 0) await this.#rig.client.repositories.put(name, {});
		const { run } = await this.#rig.client.runs.submit(name, request, { idempotencyKey: key });
		this.#submitted.push({ request, key, run });
		this.#tell(`submitted ${key}`);
	}

	/** The next fault. What lasts goes on beside those that follow. */
	async #befall(): Promise<void> {
		const place = this.#random.pick(this.#places);
		const fault = this.#random.pick([
			"kill",
			"stop",
			"cut",
			"reset",
			"server",
			"double",
			"idler",
			"liar",
			"clock",
		] as const);
		const ms = this.#random.below(this.#random.chance(1 / 3) ? leaseLostMs : 8_000);
		this.#tell(`${fault} ${place.name}${place.isTaken ? " (not now)" : ""} ${ms}`);
		if (fault === "server") return this.#rig.replaceServer();
		if (fault === "liar" || fault === "idler") return void this.#pending.push(this.#pretend(fault, ms));
		if (fault === "clock")
			return writeFileSync(this.#rig.path(`${place.name}.clock`), String(this.#random.below(7) - 3));
		if (place.isTaken) return;
		place.isTaken = true;
		const over = this.#harm(place, fault, ms).finally(() => {
			place.isTaken = false;
			this.#tell(`${fault} ${place.name} is over`);
		});
		this.#pending.push(over);
	}

	async #harm(place: Place, fault: "kill" | "stop" | "cut" | "reset" | "double", ms: number): Promise<void> {
		const { child, proxy } = place;
		switch (fault) {
			case "kill":
				child.process.kill("SIGKILL");
				await child.end();
				await pause(ms);
				place.child = this.#spawn(place);
				return;
			case "stop":
				child.process.kill("SIGSTOP");
				await pause(ms);
				child.process.kill("SIGCONT");
				return;
			case "cut":
				proxy.cut();
				await pause(ms);
				proxy.mend();
				return;
			case "reset":
				proxy.mend();
				return;
			case "double":
				await this.#double(place);
				return;
		}
	}

	/** A copy of who it is, in another folder: one of the two ends. */
	async #double(place: Place): Promise<void> {
		const { child, workDir } = place;
		if (this.#rig.written(`${workDir}/runner.json`) === "") return;
		const copy = `${workDir}+`;
		mkdirSync(this.#rig.path(copy));
		cpSync(this.#rig.path(`${workDir}/runner.json`), this.#rig.path(`${copy}/runner.json`));
		const second = this.#spawn({ ...place, workDir: copy });
		const [ended, rest] = await Promise.race([
			child.end().then(() => [child, { child: second, workDir: copy }] as const),
			// The first one came later: its connection was gone when the second began.
			second.end().then(() => [second, { child, workDir }] as const),
		]);
		Object.assign(place, rest);
		expect(ended.process.exitCode).not.toBe(0);
	}

	/** A runner that takes a job and starts it not, or that says it holds what others hold. */
	async #pretend(fault: "idler" | "liar", ms: number): Promise<void> {
		const { client, ready } = this.#rig;
		const { token } = await client.registerRunner({ owner: "acme", pool }, { name: fault, capacity: 1 });
		const ears = { onFrame: () => {}, onContact: () => {} };
		const session = await RunnerSession.open({ url: ready.url, token, pingMs: 10_000, ...ears }).catch(() => null);
		const leases = fault === "idler" ? [] : this.#submitted.flatMap(({ run }) => leasesOf(run.jobs ?? []));
		session?.say({ type: "hello", instanceId: fault, capacity: 1, leases: leases.slice(0, 20) });
		await pause(ms);
		session?.say({ type: "bye" });
		session?.close();
	}

	async #expectInvariants(): Promise<void> {
		const name = { owner: "acme", repo: pool };
		for (const { request, key, run } of this.#submitted) {
			const jobs = await this.#rig.finished(pool, run);
			const again = await this.#rig.client.runs.submit(name, request, { idempotencyKey: key });
			// I1, I4: what was accepted is there, once.
			expect([again.replayed, again.run.id, jobs.map((job) => job.key)]).toEqual([
				true,
				run.id,
				["pass", "fail", "deploy"],
			]);
			for (const job of jobs) await this.#expectJob(job);
		}
		// I2: no deploy was alive when another had begun.
		const blocks = this.#rig
			.written("deploys")
			.trim()
			.split("\n")
			.filter((line, at, all) => line !== all[at - 1]);
		expect(blocks).toEqual([...new Set(blocks)]);
	}

	async #expectJob(job: Job): Promise<void> {
		const ends = outcomes(job);
		const last = ends.at(-1);
		const what = `${job.key}: ${ends.join(", ")}`;
		// I6: each cause of another attempt has its bound.
		const lossesInRow = Math.max(
			...ends
				.join(" ")
				.split(/(?:passed|failed)/)
				.map((row) => row.split("lost").length - 1),
		);
		expect(lossesInRow, what).toBeLessThanOrEqual(lossesMax);
		if (last === "lost") return;
		expect([job.outcome, ends.filter((end) => end !== "lost")], what).toEqual(
			job.key === "fail" ? ["failed", ["failed", "failed"]] : ["passed", ["passed"]],
		);
		const { text, isWhole } = await this.#rig.log(pool, job, ends.length);
		const ticks = job.key === "pass" ? Array.from({ length: 40 }, (_, at) => `tick ${at + 1}\n`).join("") : "";
		expect([isWhole, text], what).toEqual([true, `\u001b[1;36m▸ step 1\u001b[0m\n${ticks}`]);
	}

	#tell(what: string): void {
		this.#story.push(`${((performance.now() - this.#beganAt) / 1_000).toFixed(1)} s: ${what}`);
	}
}

function leasesOf(jobs: Job[]): string[] {
	return jobs.flatMap(({ id }) => [1, 2, 3].map((epoch) => `${id}.${epoch}`));
}
