// A real runner as a process: what others of its user can read of how it was started.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";

const stops: (() => Promise<void>)[] = [];

afterEach(async () => {
	for (const stop of stops.splice(0).reverse()) await stop();
});

it.runIf(process.platform === "linux")(
	"[N166] neither the token nor anything of the environment is in what a job can read of how a runner was started",
	async () => {
		const folder = mkdtempSync(join(tmpdir(), "initial-memory-"));
		stops.push(async () => rmSync(folder, { recursive: true, force: true }));
		const token = "spw_access_abcdefghijklmnopqrstuvwxyz0123456789_secret";
		for (const given of [[], ["--token", token]]) {
			// Nobody listens there: it tries to register for as long as it lives.
			const words = ["--url", "http://127.0.0.1:9", "runner", "start", "--pool", "acme/default", "--work-dir", folder];
			const runner = spawn(process.execPath, ["--no-warnings", "src/cli/main.ts", ...words, ...given], {
				env: { PATH: process.env.PATH, HOME: folder, SPILLWAY_TOKEN: token, OTHER: "erased" },
				stdio: ["ignore", "ignore", "pipe"],
			});
			stops.push(async () => {
				if (runner.exitCode !== null || runner.signalCode !== null) return;
				runner.kill("SIGKILL");
				await once(runner, "exit");
			});
			let said = "";
			for await (const chunk of runner.stderr) {
				said += String(chunk);
				if (said.includes("register-failed")) break;
			}
			expect(said).toContain("register-failed");
			const read = (what: string) => readFileSync(`/proc/${runner.pid}/${what}`, "utf8");
			expect(read("environ")).not.toContain("OTHER");
			expect(read("environ") + read("cmdline")).not.toContain(token);
			runner.kill("SIGKILL");
			await once(runner, "exit");
		}
	},
);
