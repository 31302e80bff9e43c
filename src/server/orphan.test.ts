// Which process is ended as a leftover, with real processes.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { killOrphan } from "./orphan.ts";

let folder: string;
let process: ChildProcess;
beforeEach(async () => {
	folder = mkdtempSync(join(tmpdir(), "spillway-orphan-"));
	process = spawn("bash", ["-c", "exec -a spillway-workerd-one sleep 600"]);
	await once(process, "spawn");
	// Bash is not yet what it will be.
	const name = () => readFileSync(`/proc/${process.pid}/cmdline`, "utf8").split("\0")[0];
	while (name() !== "spillway-workerd-one") await new Promise((resolve) => setImmediate(resolve));
	writeFileSync(join(folder, "workerd-pid"), `${process.pid}\n`);
});
afterEach(() => {
	process.kill("SIGKILL");
	rmSync(folder, { recursive: true });
});

it("[X12] a process that has the number and the name is ended", async () => {
	writeFileSync(join(folder, "workerd-name"), "spillway-workerd-one");
	const exited = once(process, "exit");
	expect(await killOrphan(folder)).toBe(process.pid);
	expect(await exited).toEqual([null, "SIGKILL"]);
});

it("[X12] a process that has the number by chance is left alone", async () => {
	writeFileSync(join(folder, "workerd-name"), "spillway-workerd-two");
	expect(await killOrphan(folder)).toBeNull();
	expect(process.kill(0)).toBe(true);
});

it("[X12] a folder that no server has used has nothing left behind", async () => {
	rmSync(join(folder, "workerd-pid"));
	expect(await killOrphan(folder)).toBeNull();
});
