#!/usr/bin/env node
// The program `spillway`. Everything else is loaded after the one question whether this Node can run it.
import process from "node:process";

const nodeMajorMin = 20;
const major = Number(process.versions.node.split(".")[0]);
if (major < nodeMajorMin) {
	process.stderr.write(`spillway: needs Node ${nodeMajorMin} or newer, this is ${process.versions.node}\n`);
	process.exitCode = 2;
} else {
	// Node 20 has no WebSocket of its own; goes with the last machine that runs it.
	if (typeof WebSocket === "undefined") {
		// @ts-expect-error Only what it has in common with a browser's is used.
		const { WebSocket: socket } = await import("ws");
		Object.assign(globalThis, { WebSocket: socket });
	}
	const [{ runCommandLine }, { processIo }] = await Promise.all([import("./program.ts"), import("./io.ts")]);
	process.exitCode = await runCommandLine(process.argv.slice(2), processIo());
}
