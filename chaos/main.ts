// `npm run chaos`: the server under load and faults, and then the proof that nothing accepted was lost (docs/chaos.md). It talks over
// loopback only, signals only what it started, and leaves nothing behind. Exits with 1 when a promise was broken.
import { parseArgs } from "node:util";
import { Chaos } from "./chaos.ts";
import type { Verdict } from "./chaos.ts";
import type { FaultKind } from "./plan/faults.ts";
import { faultKinds } from "./plan/faults.ts";

const usage = `npm run chaos -- [--seed N] [--minutes M] [--only KIND,…] [--keep]

--seed     which faults and which load, in which order; else chosen and told
--minutes  of faults, 5 unless said; 0.5 is enough for some of each
--only     kinds of faults, comma between: ${faultKinds.join(", ")}
--keep     leaves the folder with logs and data, and says where it is
`;

/** More of them say no more. */
const shownMax = 100;

const { seed, minutes, only, keeps } = readOptions();
const say = (line: string) => void process.stderr.write(`chaos: ${line}\n`);

// Whoever listened has gone; the proof goes on.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
say(`seed ${seed}, ${minutes} minutes of faults`);
const chaos = await Chaos.begin({ seed, minutes, only, say });
say(`works in ${chaos.folder}`);
for (const signal of ["SIGINT", "SIGTERM"] as const) {
	process.once(signal, () => void chaos.close({ keeps }).finally(() => process.exit(130)));
}
try {
	const verdict = await chaos.run();
	process.stdout.write(`${report(verdict)}\n`);
	process.exitCode = verdict.violations.length === 0 ? 0 : 1;
} catch (failure) {
	say(failure instanceof Error ? (failure.stack ?? failure.message) : String(failure));
	process.exitCode = 1;
} finally {
	await chaos.close({ keeps });
	if (keeps) say(`what was written is in ${chaos.folder}`);
}
process.exit();

function report(verdict: Verdict): string {
	const { injected, skipped, violations, histories } = verdict;
	const count = (kind: string) => violations.filter((violation) => violation.kind === kind).length;
	const row = (name: string, value: number | string) => `${name.padEnd(28)} ${String(value).padStart(8)}`;
	const kinds = faultKinds.filter((kind) => only === null || only.has(kind));
	return [
		...kinds.map((kind) => row(kind, skipped.has(kind) ? "not tried" : (injected.get(kind) ?? 0))),
		...[...skipped].map(([kind, why]) => `${kind} was not tried: ${why}`),
		row(
			"faults in all",
			[...injected.values()].reduce((sum, value) => sum + value, 0),
		),
		"",
		row("accepted", verdict.accepted),
		row("spilled", verdict.spilled),
		row("finished", verdict.finished),
		row("attempts", verdict.attempts),
		row("bytes of log compared", verdict.logBytes),
		row("lost", count("lost")),
		row("doubled", count("doubled")),
		row("two live leases", count("two-leases")),
		row("logs that differ", count("log")),
		row("rows that differ", count("row")),
		row("alarms that spin", count("alarm")),
		row("stores that differ", count("store")),
		row("answers nobody should get", count("answer")),
		row("faults in the server's log", count("fault")),
		...(violations.length === 0
			? []
			: [
					"",
					`seed ${seed}:`,
					...violations.slice(0, shownMax).map(({ kind, text }) => `${kind}: ${text}`),
					"",
					...histories,
				]),
	].join("\n");
}

function readOptions(): { seed: number; minutes: number; only: Set<FaultKind> | null; keeps: boolean } {
	try {
		const { values } = parseArgs({
			options: {
				seed: { type: "string" },
				minutes: { type: "string", default: "5" },
				only: { type: "string" },
				keep: { type: "boolean", default: false },
				help: { type: "boolean", default: false },
			},
		});
		if (values.help) {
			process.stdout.write(usage);
			process.exit();
		}
		const named = values.only?.split(",") ?? null;
		const unknown = named?.filter((kind) => !faultKinds.includes(kind as FaultKind)) ?? [];
		if (unknown.length > 0) throw new Error(`no kind of fault is called ${unknown.join(", ")}`);
		return {
			seed: values.seed === undefined ? Date.now() % 1_000_000 : readNumber("seed", values.seed, 1_000_000_000),
			minutes: readNumber("minutes", values.minutes, 24 * 60),
			only: named === null ? null : new Set(named as FaultKind[]),
			keeps: values.keep,
		};
	} catch (error) {
		process.stderr.write(`chaos: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
		process.exit(2);
	}
}

function readNumber(name: string, text: string, max: number): number {
	const value = Number(text);
	if (!/^\d+(\.\d+)?$/.test(text) || value > max) throw new Error(`--${name} must be a number up to ${max}`);
	return value;
}
