// Outlives a chaos that was killed or crashed, and ends what it left: each group of processes and each mount that it was told of and
// not told off again. It reads lines, `+group 17`, `-group 17`, `+mount /path`, `+folder /path`, and acts when there are no more.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createInterface } from "node:readline";
import { send } from "./server/kept-process.ts";

const left = new Set<string>();
for await (const line of createInterface({ input: process.stdin })) {
	if (line.startsWith("+")) left.add(line.slice(1));
	else left.delete(line.slice(1));
}
for (const name of names("group")) send(-Number(name), "SIGKILL");
for (const path of names("mount")) spawnSync("umount", ["-l", path], { stdio: "ignore" });
for (const path of names("folder")) rmSync(path, { recursive: true, force: true });

function names(kind: string): string[] {
	return [...left].flatMap((one) => (one.startsWith(`${kind} `) ? [one.slice(kind.length + 1)] : []));
}
