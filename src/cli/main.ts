#!/usr/bin/env node
// The program `spillway`. Everything else is loaded after the one question whether this Node can run it.
import process from "node:process";

const nodeMajorMin = 22;
const major = Number(process.versions.node.split(".")[0]);
if (major < nodeMajorMin) {
	process.stderr.write(`spillway: needs Node ${nodeMajorMin} or newer, this is ${process.versions.node}\n`);
	process.exitCode = 2;
} else {
	const [{ runCommandLine }, { processIo }] = await Promise.all([import("./program.ts"), import("./io.ts")]);
	process.exitCode = await runCommandLine(process.argv.slice(2), processIo());
}
