// How many files a job may have open unless it asks for more: what the runner was started with. Node raises its own soft limit
// to the hard one before any line of a program runs, and what it starts inherits that; so the limit is read from who started
// the runner. Other Nodes on the way (npm, npx) have raised theirs too, and are passed over. Where nobody can be asked (no
// `/proc`, a container's first process, an init system, which has a limit of its own) jobs keep what the runner has.
import { readFileSync } from "node:fs";

/** No login is so deep. */
const ancestorsMax = 20;

/** npm and npx name themselves by what they were told. */
const nodeNames = /^(?:node|npm|npx|MainThread)\b/;
const initNames = /^(?:systemd|init|launchd|runit|s6-svscan)$/;

export interface ProcessLook {
	name: string;
	parent: number;
	/** Null: there is no limit. */
	soft: number | null;
	hard: number | null;
}

/** The soft limit for jobs; null: as it is. */
export function jobOpenFiles(pid = process.pid, look: (pid: number) => ProcessLook | null = lookInProc): number | null {
	const own = look(pid);
	// One that Node has not raised is what it was.
	if (own === null || own.soft !== own.hard) return null;
	let at = own.parent;
	// Below a Node, a shell has what that Node raised; with none above it, it has what somebody set.
	let isSet = false;
	for (let step = 0; step < ancestorsMax && at > 1; step++) {
		const ancestor = look(at);
		if (ancestor === null || initNames.test(ancestor.name)) return null;
		if (ancestor.soft !== null && (own.hard === null || ancestor.soft < own.hard)) return isSet ? null : ancestor.soft;
		isSet = !nodeNames.test(ancestor.name);
		at = ancestor.parent;
	}
	return null;
}

function lookInProc(pid: number): ProcessLook | null {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
		const end = stat.lastIndexOf(")");
		const [, parent] = stat.slice(end + 2).split(" ");
		const [, soft = "", hard = ""] =
			/^Max open files +(\S+) +(\S+)/m.exec(readFileSync(`/proc/${pid}/limits`, "latin1")) ?? [];
		const count = (text: string) => (text === "unlimited" ? null : Number(text));
		const name = stat.slice(stat.indexOf("(") + 1, end);
		return { name, parent: Number(parent), soft: count(soft), hard: count(hard) };
	} catch {
		return null;
	}
}
