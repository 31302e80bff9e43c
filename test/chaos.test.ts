// `npm run chaos` in its bounded form, as it is run by hand: by its command, and what it says at the end.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { root } from "../scripts/child.ts";
import { isLong } from "../src/testing/long-form.ts";
import { itLong } from "./fixture-long.ts";
import { until } from "./fixture-until.ts";

/** Half a minute of faults, then what they left undone. */
const chaosMsMax = 280_000;

function chaos(...words: string[]) {
	const child = spawn(process.execPath, ["--no-warnings", join(root, "chaos/main.ts"), ...words], {
		stdio: ["ignore", "pipe", "pipe"],
		// Signals are for it alone, as somebody's supervisor sends them.
		detached: true,
	});
	const said = { out: "", err: "" };
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		said.out += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		said.err += text;
	});
	return { child, said, ended: once(child, "exit") as Promise<[number | null, string | null]> };
}

/** Of the table's line with that name. */
function figure(table: string, name: string): number {
	return Number(new RegExp(`^${name} +(\\d+)$`, "m").exec(table)?.[1] ?? Number.NaN);
}

itLong(
	"[H1] under load and faults of every lane nothing that was accepted is lost, doubled or different",
	async () => {
		const { said, ended } = chaos("--seed", "11", "--minutes", "0.5");
		const [code] = await ended;
		const broken = [
			...["lost", "doubled", "two live leases", "logs that differ", "rows that differ", "alarms that spin"],
			...["stores that differ", "answers nobody should get", "faults in the server's log"],
		];
		const counts = Object.fromEntries(broken.map((name) => [name, figure(said.out, name)]));
		expect(counts, `${said.err}\n${said.out}`).toEqual(Object.fromEntries(broken.map((name) => [name, 0])));
		expect([code, figure(said.out, "finished")]).toEqual([0, figure(said.out, "accepted")]);
		expect(figure(said.out, "accepted")).toBeGreaterThan(5);
		expect(figure(said.out, "faults in all")).toBeGreaterThan(5);
	},
	chaosMsMax,
);

it.each(isLong ? (["SIGINT", "SIGKILL"] as const) : (["SIGKILL"] as const))(
	"[H5] ended in its middle by %s, it ends all that it started and leaves nothing behind",
	async (signal) => {
		const { child, said, ended } = chaos("--seed", "12", "--minutes", "5");
		const folder = await new Promise<string>((resolve, reject) => {
			child.stderr.on("data", () => {
				const named = /works in (\S+)$/m.exec(said.err)?.[1];
				// With the first fault all processes are up.
				if (named && /inside 1/.test(said.err)) resolve(named);
			});
			void ended.then(() => reject(new Error(`it ended: ${said.err}`)));
		});
		// A server and two runners of each kind, of which a fault may have killed one or two just now.
		const isRunning = processesIn(folder).length > 2;
		child.kill(signal);
		expect(await ended).toEqual(signal === "SIGINT" ? [130, null] : [null, "SIGKILL"]);
		expect(isRunning).toBe(true);
		await until("nothing is left", async () => !existsSync(folder) && processesIn(folder).length === 0);
		expect(readFileSync("/proc/mounts", "utf8")).not.toContain(folder);
	},
);

/** Command lines that name the folder. */
function processesIn(folder: string): string[] {
	return readdirSync("/proc").flatMap((pid) => {
		try {
			const line = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, "utf8") : "";
			return line.includes(folder) ? [line.replaceAll("\0", " ")] : [];
		} catch {
			return [];
		}
	});
}

it("[H7] words that it does not know are told with those that it does", async () => {
	const { said, ended } = chaos("--only", "kill-everything");
	expect(await ended).toEqual([2, null]);
	expect(said.err).toContain("no kind of fault is called kill-everything");
	expect(said.err).toContain("kill-server, kill-node, kill-workerd");
});
