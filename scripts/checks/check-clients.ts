// Clients as others generate them from the committed document, in TypeScript and in Python: generated, compiled, and each driven
// through one run against a real server with a real runner. The generators are pinned beside the examples and kept in
// `node_modules/.cache`; only what is not there yet is asked of the network. What cannot be had is left out, and said to be.
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createClient } from "../../src/client/client.ts";
import { Child, root, startServer } from "../child.ts";
import type { CheckPart } from "./check-process.ts";
import { LeftOut, runCommand } from "./check-process.ts";

const document = join(root, "docs/openapi.json");
const cache = join(root, "node_modules/.cache/clients");
const place = { owner: "acme", repo: "generated" };
/** All of a run of two attempts takes some seconds. */
const driveMsMax = 60_000;

/** One language. Each step gives its faults. */
interface Language {
	name: string;
	/** Throws `LeftOut` with what cannot be had. Resolves to the folder of its tools. */
	tools(): Promise<string>;
	generate(call: Call): Promise<string[]>;
	/** By then the server is there. */
	drive(call: Call, variables: NodeJS.ProcessEnv): Promise<string[]>;
}

interface Call {
	tools: string;
	/** Goes with the check. */
	folder: string;
}

const typescript: Language = {
	name: "typescript",
	tools: () =>
		installed("typescript", "package-lock.json", async (folder) => {
			for (const file of ["package.json", "package-lock.json", ".npmrc"]) {
				await cp(join(root, "examples/clients/typescript", file), join(folder, file));
			}
			return runCommand("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });
		}),
	async generate({ tools, folder }) {
		for (const file of ["package.json", "tsconfig.json", "one-run.ts"]) {
			await cp(join(root, "examples/clients/typescript", file), join(folder, file));
		}
		await symlink(join(tools, "node_modules"), join(folder, "node_modules"));
		const program = (name: string) => join(folder, "node_modules/.bin", name);
		return inTurn(
			() => runCommand(program("openapi-typescript"), [document, "--output", "spillway.ts"], { cwd: folder }),
			() => runCommand(program("tsc"), ["-p", "."], { cwd: folder }),
		);
	},
	drive: ({ folder }, variables) => runCommand("node", ["built/one-run.js"], { cwd: folder, variables }),
};

const python: Language = {
	name: "python",
	tools: () =>
		installed("python", "requirements.txt", async (folder) => {
			const requirements = join(root, "examples/clients/python/requirements.txt");
			const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", requirements];
			return inTurn(
				() => runCommand("python3", ["-m", "venv", folder]),
				() => runCommand(join(folder, "bin/python"), pip),
			);
		}),
	async generate({ tools, folder }) {
		const interpreter = join(tools, "bin/python");
		const variables = { PATH: `${join(tools, "bin")}:${process.env.PATH ?? ""}`, MYPY_CACHE_DIR: join(tools, "mypy") };
		for (const file of ["one_run.py", "mypy.ini"]) {
			await cp(join(root, "examples/clients/python", file), join(folder, file));
		}
		const config = join(root, "examples/clients/python/generator.yml");
		const output = [
			"--config",
			config,
			"--meta",
			"none",
			"--output-path",
			join(folder, "spillway_client"),
			"--fail-on-warning",
		];
		const call = { cwd: folder, variables };
		return inTurn(
			() => runCommand(interpreter, ["-c", patternsCompile, document], call),
			() => runCommand(interpreter, ["-m", "openapi_python_client", "generate", "--path", document, ...output], call),
			() => runCommand(interpreter, ["-m", "compileall", "-q", "spillway_client"], call),
			() => runCommand(interpreter, ["-m", "mypy", "one_run.py"], call),
		);
	},
	drive: ({ tools, folder }, variables) =>
		runCommand(join(tools, "bin/python"), ["one_run.py"], { cwd: folder, variables }),
};

/** [A58] Python's own word on each pattern; a warning is a fault. */
const patternsCompile = `
import json, re, sys, warnings
warnings.simplefilter("error")
def look(node):
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            re.compile(node["pattern"])
        for value in node.values():
            look(value)
    elif isinstance(node, list):
        for value in node:
            look(value)
look(json.load(open(sys.argv[1])))
`;

export const runClientsCheck: CheckPart = async () => {
	const folder = await mkdtemp(join(tmpdir(), "spillway-clients-"));
	try {
		const made = await Promise.all([typescript, python].map((language) => make(language, folder)));
		const ready = made.filter(({ missing, faults }) => missing === null && faults.length === 0);
		const faults = made.flatMap((client) => client.faults);
		if (ready.length > 0) faults.push(...(await drive(ready, folder)));
		const missing = made.flatMap((client) => client.missing ?? []);
		if (faults.length === 0 && missing.length > 0) throw new LeftOut(missing.join("; "));
		return [...faults, ...missing.map((words) => `left out: ${words}`)];
	} finally {
		await rm(folder, { recursive: true, force: true });
	}
};

interface Made {
	language: Language;
	call: Call;
	faults: string[];
	missing: string | null;
}

async function make(language: Language, within: string): Promise<Made> {
	const folder = join(within, language.name);
	await mkdir(folder);
	try {
		const call = { tools: await language.tools(), folder };
		const faults = await language.generate(call);
		return { language, call, faults: faults.map((fault) => `${language.name}: ${fault}`), missing: null };
	} catch (error) {
		if (!(error instanceof LeftOut)) throw error;
		return { language, call: { tools: "", folder }, faults: [], missing: error.message };
	}
}

/** The tools of a language as its pinned list says, installed once. */
async function installed(name: string, list: string, install: (folder: string) => Promise<string[]>): Promise<string> {
	const pinned = await readFile(join(root, "examples/clients", name, list));
	const digest = createHash("sha256").update(pinned).digest("hex").slice(0, 16);
	const folder = join(cache, `${name}-${digest}`);
	const done = join(folder, "installed");
	if ((await stat(done).catch(() => null)) !== null) return folder;
	await rm(folder, { recursive: true, force: true });
	await mkdir(folder, { recursive: true });
	const faults = await install(folder);
	if (faults.length > 0) throw new LeftOut(`the generator for ${name} cannot be had here: ${lastLine(faults)}`);
	await writeFile(done, "");
	return folder;
}

function lastLine(faults: string[]): string {
	return faults.join("\n").trim().split("\n").at(-1) ?? "";
}

/** One run through each client, at once. */
async function drive(clients: Made[], folder: string): Promise<string[]> {
	const { child, ready } = await startServer(join(folder, "data"));
	const children = [child];
	try {
		const operator = createClient({ url: ready.url, token: ready.operatorToken });
		await operator.repositories.put(place, {});
		const { owner } = place;
		const user = await operator.tokens.create({ owner, name: "generated client", scopes: ["read", "write"] });
		const runner = await operator.tokens.create({ owner, name: "runners", scopes: ["runner:register"] });
		children.push(startRunner(ready.url, runner.token, folder));
		const variables = {
			SPILLWAY_URL: ready.url,
			SPILLWAY_TOKEN: user.token,
			SPILLWAY_CLONE_URL: await cloneable(join(folder, "source")),
		};
		const driven = clients.map(async ({ language, call }) => {
			const faults = await inTime(language.drive(call, variables));
			return faults.map((fault) => `${language.name}: ${fault}`);
		});
		return (await Promise.all(driven)).flat();
	} finally {
		// The runner first, so that it can say goodbye.
		for (const one of children.reverse()) await one.stop();
	}
}

function startRunner(url: string, token: string, folder: string): Child {
	const words = ["runner", "start", "--pool", `${place.owner}/default`, "--name", "generated", "--capacity", "2"];
	return new Child({
		words: [...words, "--work-dir", join(folder, "runner")],
		environment: { SPILLWAY_URL: url, SPILLWAY_TOKEN: token },
	});
}

/** A repository with one commit on `main`. */
async function cloneable(folder: string): Promise<string> {
	await mkdir(folder);
	await writeFile(join(folder, "README.md"), "generated clients read this\n");
	const git =
		(...words: string[]) =>
		() =>
			runCommand("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...words], { cwd: folder });
	const faults = await inTurn(
		git("init", "--quiet", "--initial-branch=main"),
		git("add", "."),
		git("commit", "--quiet", "-m", "One"),
	);
	if (faults.length > 0) throw new Error(faults.join("\n"));
	return `file://${folder}`;
}

async function inTime(work: Promise<string[]>): Promise<string[]> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<string[]>((resolve) => {
		timer = setTimeout(() => resolve([`did not end within ${driveMsMax / 1_000} s`]), driveMsMax);
	});
	try {
		return await Promise.race([work, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** The faults of the first step that has some; no step after it is taken. */
async function inTurn(...steps: (() => Promise<string[]>)[]): Promise<string[]> {
	for (const step of steps) {
		const faults = await step();
		if (faults.length > 0) return faults;
	}
	return [];
}
