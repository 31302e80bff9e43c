// One installation for a journey: a server and its runners as processes of their own, in a folder that goes with them. The
// server can be ended in every way there is, and started again on the same data and port.
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import { Child, startServer } from "../scripts/child.ts";
import type { Ready } from "../scripts/child.ts";
import { freePort } from "../scripts/free-port.ts";
import type { Client } from "../src/client/client.ts";
import type { LogRange } from "../src/client/log-body.ts";
import { createClient, everyItem } from "../src/client/client.ts";
import type { Attempt, Job, Run } from "../src/contracts/http/run.ts";
import { until } from "./fixture-until.ts";
import { Wire } from "./fixture-wire.ts";

export const repository = { owner: "acme", repo: "web" };

/** `parent`: only its Node is killed, and its workerd goes on serving. `group`: both at once. `stop`: told to, in order. */
export type Death = "parent" | "group" | "stop";

export interface AttemptName {
	job: string;
	attempt: number;
}

export class Site {
	readonly folder: string;
	readonly port: number;
	#server: { child: Child; ready: Ready } | null = null;
	/** The process group of a server that was killed and whose workerd may still be there. */
	#leftBehind: number | null = null;
	readonly #runners: Child[] = [];
	#runnerToken = "";

	private constructor(folder: string, port: number) {
		this.folder = folder;
		this.port = port;
	}

	/** A server with a repository of which all settings are the defaults. */
	static async open(): Promise<Site> {
		const site = new Site(await mkdtemp(join(tmpdir(), "spillway-faults-")), await freePort());
		await site.start();
		await site.client.repositories.put(repository, {});
		const scopes: "runner:register"[] = ["runner:register"];
		const { token } = await site.client.tokens.create({ owner: repository.owner, name: "runners", scopes });
		site.#runnerToken = token;
		return site;
	}

	get data(): string {
		return join(this.folder, "data");
	}

	get ready(): Ready {
		if (!this.#server) throw new Error("the server is not up");
		return this.#server.ready;
	}

	/** Tries for half a minute, so it may be used while the server is away. */
	get client(): Client {
		return createClient({ url: this.ready.url, token: this.ready.operatorToken });
	}

	async start(): Promise<void> {
		this.#server = await startServer(this.data, { port: this.port });
		this.#leftBehind = null;
	}

	async end(death: Death): Promise<void> {
		const child = this.#server?.child;
		const pid = child?.process.pid;
		if (!child || pid === undefined) throw new Error("the server is not up");
		if (death === "stop") {
			await child.stop();
			expect(child.process.exitCode).toBe(0);
			return;
		}
		this.#leftBehind = pid;
		if (death === "parent") process.kill(pid, "SIGKILL");
		else process.kill(-pid, "SIGKILL");
		await child.end();
	}

	/** Its folder is its name's. */
	runner(name: string, { capacity }: { capacity: number }): Child {
		const place = ["--pool", `${repository.owner}/default`, "--name", name, "--work-dir", join(this.folder, name)];
		const runner = new Child({
			words: ["runner", "start", ...place, "--capacity", String(capacity)],
			environment: { SPILLWAY_URL: this.ready.url, SPILLWAY_TOKEN: this.#runnerToken },
		});
		this.#runners.push(runner);
		return runner;
	}

	async workerdPid(): Promise<number> {
		return Number(await readFile(join(this.data, "workerd-pid"), "utf8"));
	}

	/** The bytes there are now. */
	async log({ job, attempt }: AttemptName, range: LogRange = {}): Promise<Buffer> {
		const { body } = await this.client.attempts.log(repository, { job, attempt }, range);
		return Buffer.from(await new Response(body).arrayBuffer());
	}

	/** Resolves when the log has more than so many bytes. It is watched meanwhile: what nobody watches comes more rarely. */
	async untilLog({ job, attempt }: AttemptName, { longer }: { longer: number }): Promise<void> {
		const { url, operatorToken } = this.ready;
		await until(`${job} has the attempt ${attempt}`, async () => {
			const { attempts } = await this.client.jobs.get(repository, job);
			return attempts.some(({ number }) => number === attempt);
		});
		const live = `${url}/v1/repos/acme/web/jobs/${job}/attempts/${attempt}/log/live`;
		const viewer = await Wire.open(live, operatorToken);
		await until(`the log of ${job}, attempt ${attempt}, has more than ${longer} bytes`, async () => {
			return (await this.log({ job, attempt }, { from: longer }).catch(nothingThere)) !== null;
		}).finally(() => viewer.close());
	}

	/** The list of runs once it shows as many and all of them finished. */
	async listed(runs: number): Promise<Run[]> {
		let seen: Run[] = [];
		const look = async () => {
			const page = (cursor?: string) => this.client.runs.list(repository, cursor === undefined ? {} : { cursor });
			seen = [];
			for await (const run of everyItem(page)) seen.push(run);
			return seen.length === runs && seen.every(({ state }) => state === "finished") ? seen : null;
		};
		return until(`the list shows ${runs} finished runs`, look).catch((cause: unknown) => {
			const shown = seen.map(({ number, state }) => `${number} ${state}`).join(", ");
			throw new Error(`the list shows ${seen.length} runs: ${shown}`, { cause });
		});
	}

	/** The run once it is finished and every log of it is settled. */
	async settled(run: string): Promise<Run & { jobs: Job[] }> {
		return until(
			`the run ${run} is finished and its logs are in the archive`,
			async () => {
				const { jobs = [], ...rest } = await this.client.runs.get(repository, run);
				const logs = jobs.flatMap(({ attempts }) => attempts.map(({ log }) => log.state));
				const isOpen = rest.state !== "finished" || logs.some((state) => state === "live" || state === "sealing");
				return isOpen ? null : { ...rest, jobs };
			},
			{ withinMs: 100_000 },
		);
	}

	/** Checks that an attempt's archive is sealed, whole, and what its record says. Resolves to its bytes. */
	async wholeLog(job: Job, { number, log }: Attempt): Promise<Buffer> {
		const bytes = await this.log({ job: job.id, attempt: number });
		const sha256 = createHash("sha256").update(bytes).digest("hex");
		expect(log).toEqual({ state: "sealed", length: bytes.length, sha256, missing: [] });
		return bytes;
	}

	/** The runners first, so that they can say goodbye. */
	async close(): Promise<void> {
		for (const runner of this.#runners) await runner.stop();
		await this.#server?.child.stop();
		if (this.#leftBehind !== null) killGroup(this.#leftBehind);
		await rm(this.folder, { recursive: true, force: true });
	}
}

/** What the runner writes into the log before a step's own output. */
export function headingOf(step: string): string {
	return `\u001b[1;36m▸ ${step}\u001b[0m\n`;
}

/** 416: the log is not that long yet. */
function nothingThere(failure: unknown): null {
	if (failure instanceof Error && "status" in failure && failure.status === 416) return null;
	throw failure;
}

function killGroup(leader: number): void {
	try {
		process.kill(-leader, "SIGKILL");
	} catch {
		// It went by itself.
	}
}
