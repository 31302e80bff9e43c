// Finds processes by a word in their command line: what a test started leaves any tree and any group, and keeps its words.
import { readFileSync, readdirSync } from "node:fs";

export function processesWith(word: string): number[] {
	return readdirSync("/proc")
		.filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid && wordsOf(pid).includes(word))
		.map(Number);
}

function wordsOf(pid: string): string {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, "latin1");
	} catch {
		return "";
	}
}
