// Real runners against a real server, each a process of its own, and what can be seen of them from outside.
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Child, startServer } from "../scripts/child.ts";
import type { Ready } from "../scripts/child.ts";
import { createClient } from "../src/client/client.ts";
import type { Client } from "../src/client/client.ts";
import type { Attempt, Job, Run, RunRequest } from "../src/contracts/http/run.ts";

type JobRequest = RunRequest["jobs"][number];

export class RunnerRig {
	readonly folder: string;
	readonly #children: Child[] = [];
	readonly #closing: (() => void)[] = [];
	ready: Ready;
	server: Child;
	client: Client;

	private constructor(folder: string, { child, ready }: { child: Child; ready: Ready }) {
		this.folder = folder;
		this.server = child;
		this.ready = ready;
		this.client = clientOf(ready);
	}

	static async open(): Promise<RunnerRig> {
		const folder = await mkdtemp(join(tmpdir(), "spillway-faults-"));
		return new RunnerRig(folder, await startServer(join(folder, "data")));
	}

	/** Kills the server, its Node alone or the runtime with it, and starts another in its place. */
	async replaceServer({ dies = "parent" as "parent" | "group" } = {}): Promise<void> {
		const pid = this.server.process.pid ?? 0;
		process.kill(dies === "group" ? -pid : pid, "SIGKILL");
		await this.server.end();
		const port = Number(new URL(this.ready.url).port);
		const { child, ready } = await startServer(join(this.folder, "data"), { port });
		this.server = child;
		this.ready = ready;
	}

	/** A runner of the pool `acme/<pool>`, in a work folder of that name unless another is given. */
	runner(
		pool: string,
		{
			workDir = pool,
			url = this.ready.url,
			words = [] as string[],
			environment = {} as NodeJS.ProcessEnv,
			by = [] as string[],
		} = {},
	): Child {
		const child = new Child({
			by,
			words: ["runner", "start", "--json", "--pool", `acme/${pool}`, "--work-dir", this.path(workDir), ...words],
			environment: { SPILLWAY_URL: url, SPILLWAY_TOKEN: this.ready.operatorToken, ...environment },
		});
		this.#children.push(child);
		return child;
	}

	path(name: string): string {
		return join(this.folder, name);
	}

	/** A run in a repository of the pool's name, all of whose jobs go to that pool. */
	async submit(pool: string, jobs: JobRequest[]): Promise<Run> {
		const name = { owner: "acme", repo: pool };
		await this.client.repositories.put(name, {});
		const { run } = await this.client.runs.submit(name, { jobs: jobs.map((job) => ({ ...job, pool })) });
		return run;
	}

	/** The run's jobs, once it is finished. */
	async finished(pool: string, { id }: Run): Promise<Job[]> {
		for (;;) {
			const run = await this.client.runs.get({ owner: "acme", repo: pool }, id);
			if (run.state === "finished") return run.jobs ?? [];
			await pause(200);
		}
	}

	/** Resolves when every log of the run is in the archive. */
	async settled(pool: string, { id }: Run): Promise<void> {
		for (;;) {
			const { jobs = [] } = await this.client.runs.get({ owner: "acme", repo: pool }, id);
			const states = jobs.flatMap(({ attempts }) => attempts.map(({ log }) => log.state));
			if (!states.some((state) => state === "live" || state === "sealing")) return;
			await pause(200);
		}
	}

	/** Resolves when the file that jobs write to has the text. */
	async seen(name: string, text: string): Promise<void> {
		while (!this.written(name).includes(text)) await pause(50);
	}

	/** Resolves when the runner's own log has this event. */
	async said(runner: Child, event: string): Promise<void> {
		while (!runner.complaint.includes(`"event":"${event}"`)) await pause(50);
	}

	written(name: string): string {
		try {
			return readFileSync(this.path(name), "utf8");
		} catch {
			return "";
		}
	}

	/** A log, once it is sealed, with whether it is what its digest says. */
	async log(pool: string, job: Job, attempt: number): Promise<{ text: string; isWhole: boolean }> {
		const name = { owner: "acme", repo: pool };
		for (;;) {
			const { attempts } = await this.client.jobs.get(name, job.id);
			const log = attempts[attempt - 1]?.log;
			if (log && log.state !== "live" && log.state !== "sealing") {
				const { body } = await this.client.attempts.log(name, { job: job.id, attempt });
				const bytes = Buffer.from(await new Response(body).arrayBuffer());
				const sha256 = createHash("sha256").update(bytes).digest("hex");
				return { text: bytes.toString(), isWhole: log.state === "sealed" && log.sha256 === sha256 };
			}
			await pause(200);
		}
	}

	/** What server and runners said of themselves last, for whoever must find out why a test failed. */
	story(): string {
		const said = this.#children.map((child) => {
			const end = child.isRunning ? "runs" : `ended with ${child.process.exitCode ?? child.process.signalCode}`;
			return `--- ${child.process.spawnargs.slice(2).join(" ")}: ${end}\n${child.complaint}`;
		});
		return [`--- server\n${this.server.complaint}`, ...said].join("\n");
	}

	async cuttable(): Promise<CuttableProxy> {
		const proxy = await CuttableProxy.open(Number(new URL(this.ready.url).port));
		this.#closing.push(() => proxy.close());
		return proxy;
	}

	async close(): Promise<void> {
		await Promise.all(this.#children.map((child) => child.stop()));
		await this.server.stop();
		for (const close of this.#closing) close();
		await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
	}
}

/** A way to the server that can swallow everything without a close, and let go of it later. */
export class CuttableProxy {
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();
	#isCut = false;
	/** Hears whatever passes, both ways, and says what passes in its place. */
	pass: (bytes: Buffer) => Buffer = (bytes) => bytes;

	private constructor(port: number) {
		this.#server = createServer((near) => {
			const far = connect(port, "127.0.0.1");
			for (const [from, to] of [
				[near, far],
				[far, near],
			] as const) {
				this.#sockets.add(from);
				from.on("data", (bytes) => {
					if (!this.#isCut) to.write(this.pass(bytes));
				});
				from.on("end", () => void (this.#isCut || to.end()));
				from.on("error", () => {});
				from.on("close", () => {
					this.#sockets.delete(from);
					if (!this.#isCut) to.destroy();
				});
			}
		});
	}

	static async open(port: number): Promise<CuttableProxy> {
		const proxy = new CuttableProxy(port);
		await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
		return proxy;
	}

	get url(): string {
		return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
	}

	/** From now on whatever is said is lost, and nobody is told. */
	cut(): void {
		this.#isCut = true;
	}

	/** Connections from before stay dead; new ones work. */
	mend(): void {
		for (const socket of this.#sockets) socket.destroy();
		this.#isCut = false;
	}

	close(): void {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
	}
}

export function clientOf({ url, operatorToken }: Ready): Client {
	return createClient({ url, token: operatorToken, retry: { deadlineMs: 20_000 } });
}

export function outcomes(job: Job | undefined): Attempt["outcome"][] {
	return job?.attempts.map(({ outcome }) => outcome) ?? [];
}

/** Of what may not be hurried: another process's doing. */
export function pause(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}
