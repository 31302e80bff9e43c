// Builds the page: one folder of static files, named by what is in them, that refer to nothing outside. Fails when a part has grown
// past its budget: a page that opens slowly is a page that nobody opens.
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ansiStyles } from "./ansi-colours.ts";
import { pageHeaders } from "../src/contracts/wire/headers/answer-headers.ts";
import type { Metafile, Plugin } from "esbuild";

/** Bytes after gzip. The script is what the first view loads; the log's is what it loads when a log is opened. */
const budget = { script: 60 * 1_024, log: 15 * 1_024, style: 12 * 1_024 };

/** Files are named by what is in them. */
const fileKept = "public, max-age=31536000, immutable";
const entry = "src/dashboard/main.tsx";
const logChunk = "src/dashboard/log/log-view.tsx";

/** Writes into `target`; throws when a part is too large. Returns the sizes, in bytes after gzip. */
export async function buildDashboard(root: string, target: string): Promise<typeof budget> {
	await rm(target, { recursive: true, force: true });
	const { metafile } = await build({
		absWorkingDir: root,
		entryPoints: { main: entry },
		outdir: join(target, "assets"),
		bundle: true,
		splitting: true,
		minify: true,
		format: "esm",
		target: ["chrome110", "firefox115", "safari16.4"],
		jsx: "automatic",
		jsxImportSource: "preact",
		entryNames: "[name]-[hash]",
		chunkNames: "[name]-[hash]",
		assetNames: "[name]-[hash]",
		loader: { ".svg": "file" },
		legalComments: "none",
		logLevel: "error",
		plugins: [ansiColours],
		metafile: true,
	});
	const script = outputOf(metafile, (output) => output.entryPoint === entry);
	const style = metafile.outputs[script]?.cssBundle;
	if (style === undefined) throw new Error("the page has no style");
	const html = await readFile(join(root, "src/dashboard/index.html"), "utf8");
	const url = (output: string) => `/assets/${output.slice(output.lastIndexOf("/") + 1)}`;
	await writeFile(join(target, "index.html"), html.replace("{{script}}", url(script)).replace("{{style}}", url(style)));
	await writeFile(join(target, "_headers"), headersFile());
	await cp(join(root, "src/dashboard/icons"), join(target, "assets"), { recursive: true });
	const packed = async (outputs: Iterable<string>) => {
		let bytes = 0;
		for (const output of outputs) bytes += gzipSync(await readFile(join(root, output))).byteLength;
		return bytes;
	};
	const first = reached(metafile, script);
	const log = reached(
		metafile,
		outputOf(metafile, (output) => output.entryPoint === logChunk),
	);
	const sizes = {
		script: await packed(first),
		log: await packed([...log].filter((output) => !first.has(output))),
		style: await packed([style]),
	};
	for (const part of ["script", "log", "style"] as const) {
		if (sizes[part] > budget[part]) {
			throw new Error(`the page's ${part} has ${sizes[part]} bytes after gzip, more than ${budget[part]}`);
		}
	}
	return sizes;
}

/** The log's colours are computed: there is no such file. */
const ansiColours: Plugin = {
	name: "ansi-colours",
	setup(building) {
		building.onResolve({ filter: /\/ansi-colours\.css$/ }, ({ path }) => ({ path, namespace: "computed" }));
		building.onLoad({ filter: /.*/, namespace: "computed" }, () => ({ contents: ansiStyles(), loader: "css" }));
	},
};

/** As the Worker says them: on Cloudflare a file is answered before it is asked. */
function headersFile(): string {
	const common = { ...pageHeaders, "X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin" };
	const lines = Object.entries(common).map(([name, value]) => `  ${name}: ${value}`);
	return [
		"/*",
		...lines,
		"  Cache-Control: public, max-age=0, must-revalidate",
		"/assets/*",
		"  ! Cache-Control",
		`  Cache-Control: ${fileKept}`,
		"",
	].join("\n");
}

function outputOf({ outputs }: Metafile, is: (output: Metafile["outputs"][string]) => boolean): string {
	const found = Object.entries(outputs).find(([, output]) => is(output));
	if (found === undefined) throw new Error("the page's build lacks a part that it must have");
	return found[0];
}

/** What loads with an output: all that it imports other than on demand. */
function reached({ outputs }: Metafile, output: string, found = new Set<string>()): Set<string> {
	if (found.has(output)) return found;
	found.add(output);
	for (const { path, kind } of outputs[output]?.imports ?? []) {
		if (kind === "import-statement") reached({ outputs } as Metafile, path, found);
	}
	return found;
}
