// How the processes of a job are held together, so that all of them can be ended: by a cgroup of its own where the runner may
// make one, else by a leader to which orphans come, else by what every Unix has. A process group alone is left by `setsid`,
// by GNU `timeout`, by a shell's job control and by every daemon.
//
//   cgroup     nothing leaves it that is not root. Ended by the kernel, at once
//   subreaper  what the leader's descendants leave behind comes to it; should a job kill its leader, to the starter. A job that
//              kills both is ended as far as its mark in the environment shows
//   group      leader's group and session, its descendants, and the mark: a process that leaves all of them is not ended
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { containmentKinds } from "./job-processes.ts";
import type { ContainmentKind } from "./job-processes.ts";
import { askSupervisor } from "./supervisor.ts";

export interface Containment {
	kind: ContainmentKind;
	/** Where jobs' cgroups are made; empty where there are none. */
	parent: string;
	/** Why none of the stronger ones, one sentence each. */
	why: string[];
}

/** The strongest that this machine allows, or the one that is `wanted`. Throws when that cannot be had. */
export async function chooseContainment(wanted: ContainmentKind | "auto"): Promise<Containment> {
	const kinds = wanted === "auto" ? containmentKinds : [wanted];
	const why: string[] = [];
	for (const kind of kinds) {
		const parent = kind === "cgroup" ? ownCgroup() : "";
		const fault = await faultOf(kind, parent);
		if (fault === "") return { kind, parent: parent ?? "", why };
		why.push(`no ${kind}: ${fault}`);
	}
	throw new Error(`jobs cannot be contained as wanted: ${why.join("; ")}`);
}

async function faultOf(kind: ContainmentKind, parent: string | null): Promise<string> {
	if (kind === "group") return "";
	if (process.platform !== "linux") return "only Linux has it";
	if (parent === null) return "no cgroup of version 2 is mounted that this process is in";
	return askSupervisor("probe", [kind, parent]);
}

/** The folder of the cgroup of version 2 that this process is in; null where there is none that can be seen. */
export function ownCgroup(read: (path: string) => string = (path) => readFileSync(path, "utf8")): string | null {
	try {
		const own = /^0::(.*)$/m.exec(read("/proc/self/cgroup"))?.[1];
		for (const line of read("/proc/self/mountinfo").split("\n")) {
			const [before = "", after = ""] = line.split(" - ");
			const [, , , root = "", point = ""] = before.split(" ");
			if (own === undefined || !after.startsWith("cgroup2 ")) continue;
			const below = relative(unescaped(root), own);
			if (!below.startsWith("..")) return join(unescaped(point), below);
		}
	} catch {
		// A system without /proc has no cgroups either.
	}
	return null;
}

/** The kernel writes white space and backslashes in octal. */
function unescaped(path: string): string {
	return path.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

/** What a new job is known by. Throws when its cgroup cannot be made. */
export function containJob({ kind, parent }: Containment): { kind: ContainmentKind; cgroup: string; mark: string } {
	const mark = randomBytes(12).toString("hex");
	const cgroup = kind === "cgroup" ? join(parent, `spillway-${mark}`) : "";
	if (cgroup !== "") mkdirSync(cgroup);
	return { kind, cgroup, mark };
}
