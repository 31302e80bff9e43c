// A real runner in this process, in a folder of its own, against the fake server: what every test of the runner begins with.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { EventFacts } from "../../runner/event-log.ts";
import { Runner } from "../../runner/runner.ts";
import type { RunnerOptions } from "../../runner/runner.ts";
import { FakeServer } from "./fake-server.ts";
import { buildGrant } from "./fake-server-lease.ts";
import type { FakeLease } from "./fake-server-lease.ts";

export class FakeServerRunner {
	readonly server = new FakeServer();
	readonly folder = mkdtempSync(join(tmpdir(), "spillway-runner-"));
	readonly workDir = join(this.folder, "work dir");
	readonly events: { event: string; facts: EventFacts }[] = [];
	runner: Runner | null = null;
	readonly #spawned: ChildProcess[] = [];
	/** Settles when the runner has drained. */
	done: Promise<void> = Promise.resolve();

	static async open(options: Partial<RunnerOptions> = {}): Promise<FakeServerRunner> {
		const fixture = new FakeServerRunner();
		await fixture.server.open();
		await fixture.start(options);
		return fixture;
	}

	options(options: Partial<RunnerOptions> = {}): RunnerOptions {
		return {
			url: this.server.url,
			token: "registration-token",
			owner: "acme",
			pool: "default",
			name: "tester",
			workDir: this.workDir,
			graceSeconds: 0.2,
			retry: { initialMs: 20, maxMs: 40 },
			eventLog: (event, facts = {}) => {
				this.events.push({ event, facts });
				this.server.changed();
			},
			...options,
		};
	}

	async start(options: Partial<RunnerOptions> = {}): Promise<void> {
		this.runner = await Runner.open(this.options(options));
		this.done = this.runner.run();
	}

	/** The same in a process of its own, begun `by` another program if one is given, which can be stopped and killed; what it says of itself is not heard. */
	spawnRunner({
		wrongClockFile = null as string | null,
		by = [] as string[],
		options: own = {} as Partial<RunnerOptions>,
	} = {}): ChildProcess {
		const path = fileURLToPath(new URL("../../runner/runner.ts", import.meta.url));
		const { eventLog: _, ...options } = this.options(own);
		const script = `const { runRunner } = await import(${JSON.stringify(path)}); await runRunner(${JSON.stringify(options)});`;
		const preload = wrongClockFile === null ? [] : ["--import", new URL("../wrong-clock.ts", import.meta.url).href];
		const [program = "", ...words] = [...by, process.execPath, ...preload, "--input-type=module", "--eval", script];
		const child = spawn(program, words, {
			stdio: "ignore",
			env: { ...process.env, WRONG_CLOCK_FILE: wrongClockFile ?? "" },
		});
		this.#spawned.push(child);
		return child;
	}

	/** Offers a job and waits until its runner has reported its end. */
	async runToEnd(...grant: Parameters<typeof buildGrant>): Promise<FakeLease> {
		const lease = this.server.offer(buildGrant(...grant));
		await this.server.until(() => lease.finish !== null);
		return lease;
	}

	/** A shell program of that name in the folder. */
	program(name: string, script: string): string {
		const path = join(this.folder, name);
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, `#!/bin/bash\n${script}\n`, { mode: 0o755 });
		return path;
	}

	has(event: string): boolean {
		return this.events.some((entry) => entry.event === event);
	}

	async close(): Promise<void> {
		// A test that fails ends none of those that it spawned, and each would look for its server twenty times a second for ever.
		for (const child of this.#spawned) await killed(child);
		// A runner that owes a finish leaves only when somebody hears it.
		await this.server.open();
		this.runner?.interrupt("the test is over");
		await this.done.catch(() => {});
		await this.server.close();
		rmSync(this.folder, { recursive: true, force: true });
	}
}

async function killed(child: ChildProcess): Promise<void> {
	if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
	const exited = once(child, "exit");
	child.kill("SIGKILL");
	await exited;
}
