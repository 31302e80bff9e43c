// One chaos from its beginning to its judgement: server, runners and load on a disk of their own, faults for so long, quiet, and
// then everything that was promised is looked for. Whatever happened, nothing that was started stays.
import { mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Child, spillway } from "../scripts/child.ts";
import { freePort } from "../scripts/free-port.ts";
import { createClient } from "../src/client/client.ts";
import type { Client } from "../src/client/client.ts";
import type { Run } from "../src/contracts/http/run.ts";
import type { RunId } from "../src/domain/ids.ts";
import { Guard } from "./guarded.ts";
import { checkAlarms } from "./judge/check-alarms.ts";
import { checkGroup, checkLeases } from "./judge/check-leases.ts";
import { checkRuns } from "./judge/check-runs.ts";
import { checkStores } from "./judge/check-stores.ts";
import { Evidence } from "./judge/evidence.ts";
import type { Violation } from "./judge/violation.ts";
import { Lanes } from "./lanes.ts";
import { Submitter } from "./load/submitter.ts";
import type { FaultKind } from "./plan/faults.ts";
import { deploysFile, owner, pools, repos, submissionsOf } from "./plan/submissions.ts";
import type { Entry } from "./runners/journal.ts";
import { readJournal } from "./runners/journal.ts";
import { KeptProcess } from "./server/kept-process.ts";
import type { Program } from "./server/program.ts";
import { makeProgram } from "./server/program.ts";
import { Server } from "./server/server.ts";
import { SmallDisk } from "./server/small-disk.ts";

export interface ChaosOptions {
	seed: number;
	/** Of faults; what comes before and after is besides. */
	minutes: number;
	/** Null: all kinds. */
	only: ReadonlySet<FaultKind> | null;
	say: (line: string) => void;
}

export interface Verdict {
	injected: ReadonlyMap<FaultKind, number>;
	skipped: ReadonlyMap<FaultKind, string>;
	accepted: number;
	spilled: number;
	finished: number;
	attempts: number;
	logBytes: number;
	violations: Violation[];
	/** For whoever must find out: of each run that a violation names. */
	histories: string[];
}

const realRunners = ["shell-1", "shell-2"];
const lineProcesses = ["lines-1", "lines-2"];
/** An object that spins is seen well within it. */
const alarmWatchMs = 15_000;
/** A chaos that lasts so long waits for the last log of a lost attempt too. */
const patientMinutes = 10;
const historiesMax = 3;
const lineRunnersScript = fileURLToPath(new URL("./runners/line-runners.ts", import.meta.url));

export class Chaos {
	readonly #options: ChaosOptions;
	readonly folder: string;
	readonly #disk: SmallDisk;
	readonly #program: Program;
	readonly #port: number;
	readonly #guard = new Guard();
	readonly #server: Server;
	readonly #runners: KeptProcess<unknown>[] = [];
	readonly #lineRunners: KeptProcess<unknown>[] = [];
	#lanes: Lanes | null = null;
	/** The product itself, at the end. */
	#plain: Server | null = null;
	#closed: Promise<void> | null = null;

	private constructor(
		options: ChaosOptions,
		{ folder, program, port }: { folder: string; program: Program; port: number },
	) {
		this.#options = options;
		this.folder = folder;
		this.#program = program;
		this.#port = port;
		mkdirSync(this.#path("work"));
		this.#guard.add(`folder ${folder}`);
		this.#guard.add(`folder ${dirname(program.script)}`);
		this.#guard.add(`mount ${this.#path("disk")}`);
		this.#disk = new SmallDisk(this.#path("disk"), options.minutes);
		this.#server = this.#serve(program.script);
	}

	static async begin(options: ChaosOptions): Promise<Chaos> {
		const folder = await mkdtemp(join(tmpdir(), "spillway-chaos-"));
		return new Chaos(options, { folder, program: await makeProgram(), port: await freePort() });
	}

	async run(): Promise<Verdict> {
		const { seed, minutes, only, say } = this.#options;
		const { url, operatorToken: token } = await this.#server.process.up();
		await this.#prepare(createClient({ url, token }));
		const submitter = new Submitter({ url, token });
		const submitting = submitter.run(submissionsOf(seed, this.folder));
		const { runners, lineRunners } = { runners: this.#runners, lineRunners: this.#lineRunners };
		this.#lanes = new Lanes({ seed, only, server: this.#server, disk: this.#disk, runners, lineRunners, say });
		const faults = this.#lanes.run();
		await sleep(minutes * 60_000);
		this.#lanes.stop();
		submitter.stop();
		say("no more faults, and no more submissions");
		await faults;
		await submitting;
		return this.#judge(submitter, token, this.#lanes);
	}

	async #prepare(client: Client): Promise<void> {
		for (const repo of repos) await client.repositories.put({ owner, repo }, {});
		const scopes: "runner:register"[] = ["runner:register"];
		const { token } = await client.tokens.create({ owner, name: "chaos", scopes });
		const environment = { SPILLWAY_URL: this.#server.url, SPILLWAY_TOKEN: token };
		for (const name of realRunners) {
			const place = ["--pool", `${owner}/${pools.shell}`, "--name", name, "--capacity", "2"];
			const words = ["runner", "start", "--json", ...place, "--work-dir", this.#path("work", name)];
			this.#runners.push(
				this.#keep(name, () => ({ child: new Child({ words, environment }), ready: Promise.resolve(null) })),
			);
		}
		for (const name of lineProcesses) {
			const start = () => {
				const child = new Child({ script: lineRunnersScript, words: [name, this.folder], environment });
				return { child, ready: child.firstLine() };
			};
			this.#lineRunners.push(this.#keep(name, start));
		}
		await Promise.all([...this.#runners, ...this.#lineRunners].map((one) => one.up()));
	}

	#keep(name: string, start: () => { child: Child; ready: Promise<unknown> }): KeptProcess<unknown> {
		return new KeptProcess<unknown>({ name, start, logFile: this.#path(`${name}.log`), guard: this.#guard });
	}

	#serve(script: string): Server {
		const place = { data: this.#data, port: this.#port, logFile: this.#path("server.log") };
		return new Server({ script, ...place, guard: this.#guard });
	}

	async #judge(submitter: Submitter, token: string, lanes: Lanes): Promise<Verdict> {
		const { say } = this.#options;
		const { accepted, acted, unexpected } = submitter;
		const evidence = new Evidence(createClient({ url: this.#server.url, token }), say);
		await this.#server.answers();
		await evidence.finishedRuns(accepted);
		await evidence.sealedRuns(accepted, { lostToo: this.#options.minutes >= patientMinutes });
		say("all is quiet: watching the alarms");
		await this.#server.alarms();
		await sleep(alarmWatchMs);
		const alarms = (await this.#server.alarms()) ?? {};
		await Promise.all([...this.#runners, ...this.#lineRunners].map((one) => one.close()));
		await this.#server.process.close();
		say("asking the built server itself, on the same data");
		this.#plain = this.#serve(spillway);
		await this.#plain.answers();
		const runs = await evidence.finishedRuns(accepted);
		const journal = this.#journal();
		const rows = await evidence.rows(runs);
		const logs = await evidence.logs(runs, journal, accepted);
		await this.#plain.process.close();
		const violations: Violation[] = [
			...checkRuns({ accepted, acted, runs, listed: rows.listed }),
			...checkLeases(journal),
			...repos.flatMap((repo) => checkGroup(linesOf(deploysFile(this.folder, repo)))),
			...logs.violations,
			...rows.violations,
			...checkAlarms(alarms, alarmWatchMs),
			...(await checkStores(this.#data, new Set(accepted.map(({ id }) => id)))),
			...linesOf(this.#path("server.log"))
				.filter((line) => line.includes('"event":"fault"'))
				.map((text): Violation => ({ kind: "fault", run: null, text })),
			...unexpected.map(
				({ key, what, answer }): Violation => ({ kind: "answer", run: null, text: `${what} of ${key}: ${answer}` }),
			),
		];
		return {
			injected: lanes.injected,
			skipped: lanes.skipped,
			accepted: new Set(accepted.map(({ submission }) => submission.key)).size,
			spilled: new Set(accepted.filter(({ spilled }) => spilled).map(({ id }) => id)).size,
			finished: [...runs.values()].filter(({ state }) => state === "finished").length,
			attempts: [...runs.values()].flatMap(({ jobs = [] }) => jobs.flatMap((job) => job.attempts)).length,
			logBytes: logs.bytes,
			violations,
			histories: histories(violations, runs, journal),
		};
	}

	/** Ends all that was started, whatever state it is in. `keeps`: what was written stays. Resolves when all is gone, however often it is called. */
	close({ keeps = false } = {}): Promise<void> {
		this.#closed ??= this.#end(keeps);
		return this.#closed;
	}

	async #end(keeps: boolean): Promise<void> {
		this.#lanes?.stop();
		await Promise.all([...this.#runners, ...this.#lineRunners].map((one) => one.close()));
		await this.#server.process.close();
		await this.#plain?.process.close();
		await this.#disk.clear();
		await this.#program.remove();
		if (keeps) {
			this.#guard.remove(`mount ${this.#path("disk")}`);
			this.#guard.remove(`folder ${this.folder}`);
			return this.#guard.end();
		}
		this.#disk.close();
		await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
		this.#guard.end();
	}

	#journal(): Entry[] {
		return lineProcesses.flatMap((name) => readJournal(this.#path(`${name}.journal`)));
	}

	get #data(): string {
		return this.#path("disk", "data");
	}

	#path(...names: string[]): string {
		return join(this.folder, ...names);
	}
}

function linesOf(file: string): string[] {
	try {
		return readFileSync(file, "utf8").trim().split("\n");
	} catch {
		return [];
	}
}

function histories(
	violations: readonly Violation[],
	runs: ReadonlyMap<RunId, Run>,
	journal: readonly Entry[],
): string[] {
	const named = [...new Set(violations.flatMap(({ run }) => (run === null ? [] : [run])))].slice(0, historiesMax);
	return named.map((id) => {
		const seen = journal
			.filter(({ lease }) => lease.startsWith(`j${id.slice(1)}-`))
			.map((entry) => JSON.stringify(entry));
		return [`run ${id} is ${JSON.stringify(runs.get(id), null, "\t")}`, ...seen].join("\n");
	});
}
