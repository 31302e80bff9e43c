// Serves the floor Worker through Miniflare with the options of src/server/worker.ts, its front included: what the two servers
// do differently is then what is measured. Its one argument is the folder for its data; it ends with its standard input.
import type { V4MiniflareOptions, V4WorkerOptions } from "miniflare";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { workerdPath } from "../../src/server/workerd-path.ts";

const front = `
import main from "./main.js";
export * from "./main.js";
export default main;
export const front = {
	fetch(request, env, ctx) {
		const headers = new Headers(request.headers);
		headers.delete("CF-Connecting-IP");
		return main.fetch(new Request(request, { headers }), env, ctx);
	},
};
`;

process.env.MINIFLARE_WORKERD_PATH = workerdPath();
const [folder = ""] = process.argv.slice(2);
const miniflare = await start(folder);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => void stop());
process.stdin.once("end", () => void stop()).resume();

async function start(data: string): Promise<Miniflare> {
	const worker = {
		name: "floor",
		compatibilityDate: "2026-10-20",
		modulesRoot: "/",
		modules: [
			{ type: "ESModule", path: "/front.js", contents: front },
			{ type: "ESModule", path: "/main.js", contents: await bundle() },
		],
		durableObjects: { FLOOR: { className: "FloorObject", useSQLite: true } },
		unsafeDirectSockets: [{ host: "127.0.0.1", port: 0, entrypoint: "front" }],
	} as V4WorkerOptions;
	const options: V4MiniflareOptions = {
		host: "127.0.0.1",
		port: 0,
		upstream: "http://closed.invalid/closed/",
		cf: false,
		logRequests: false,
		telemetry: { enabled: false },
		resourcePersistencePath: data,
		log: new Log(LogLevel.NONE),
		handleStructuredLogs: ({ level, message }) => process.stderr.write(`${level} ${message}\n`),
		workers: [worker],
	};
	const started = new Miniflare(convertV4MiniflareOptions(options));
	await started.ready;
	const { origin } = await started.unsafeGetDirectURL("floor", "front");
	process.stdout.write(`${JSON.stringify({ url: origin })}\n`);
	return started;
}

async function bundle(): Promise<string> {
	const { outputFiles } = await build({
		entryPoints: [fileURLToPath(new URL("./floor-worker.ts", import.meta.url))],
		bundle: true,
		format: "esm",
		target: "es2024",
		external: ["cloudflare:*"],
		write: false,
	});
	const [file] = outputFiles;
	if (!file) throw new Error("the floor Worker does not build");
	return file.text;
}

async function stop(): Promise<void> {
	await miniflare.dispose();
	process.exit();
}
