// A process of some line runners, which is killed and frozen as a whole. Who they are stands in the folder, so that the next
// process is the same runners: `node line-runners.ts NAME FOLDER`, with SPILLWAY_URL and the SPILLWAY_TOKEN that may register.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createClient } from "../../src/client/client.ts";
import { owner, pools } from "../plan/submissions.ts";
import { Journal, readJournal } from "./journal.ts";
import { deliverLeft, LineRunner } from "./line-runner.ts";

const runners = 3;
const againMs = 500;

const [name = "", folder = ""] = process.argv.slice(2);
const url = process.env.SPILLWAY_URL ?? "";
const file = join(folder, `${name}.journal`);
const journal = new Journal(file);

process.stdout.write("ready\n");
void deliverAllLeft();
await Promise.all(Array.from({ length: runners }, (_, at) => runOne(`${name}-${at + 1}`)));

/** Of the jobs in whose middle the process before this one was killed. */
async function deliverAllLeft(): Promise<void> {
	const entries = readJournal(file);
	const over = new Set(entries.flatMap(({ what, lease }) => (what === "finished" || what === "gone" ? [lease] : [])));
	for (const entry of entries) {
		if (entry.what !== "started" || over.has(entry.lease)) continue;
		await deliverLeft(entry, { url, journal });
		journal.add({ what: "gone", at: Date.now(), lease: entry.lease, by: "left", code: "killed" });
	}
}

async function runOne(runner: string): Promise<never> {
	const token = await tokenOf(runner);
	return new LineRunner({ url, token, name: runner, journal }).run();
}

async function tokenOf(runner: string): Promise<string> {
	const tokenFile = join(folder, `${runner}.token`);
	if (existsSync(tokenFile)) return readFileSync(tokenFile, "utf8");
	const client = createClient({ url, token: process.env.SPILLWAY_TOKEN ?? "", retry: { deadlineMs: Infinity } });
	for (;;) {
		// A registration whose answer was lost made a runner that nobody is.
		const made = await client
			.registerRunner({ owner, pool: pools.lines }, { name: runner, capacity: 1 })
			.catch(() => null);
		if (made === null) {
			await sleep(againMs);
			continue;
		}
		writeFileSync(`${tokenFile}.new`, made.token);
		renameSync(`${tokenFile}.new`, tokenFile);
		return made.token;
	}
}
