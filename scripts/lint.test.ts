// The linter's own test: a small tree in a temporary folder, under the real configuration, with one offence per file. What
// the linter lets through here, it would let through in the tree.
import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

interface Case {
	file: string;
	code: string;
	/** The rule that must object; null: the file is as it should be. */
	rule: string | null;
}

const walls = "lint/style/noRestrictedImports";
const globals = "lint/style/noRestrictedGlobals";

/** What each folder may import, and what it must not: one line each way. */
const imports: Case[] = [
	...wall("domain", {
		may: ["./job.ts"],
		mustNot: ["../contracts/http/run.ts", "zod", "node:crypto", "../testing/clock.ts"],
	}),
	...wall("contracts", {
		may: ["../domain/job.ts", "zod", "@hono/zod-openapi"],
		mustNot: ["../store/runs.ts", "hono"],
	}),
	...wall("engine", {
		may: ["./ports.ts", "../contracts/http/run.ts"],
		mustNot: ["../store/runs.ts", "../api/runs.ts", "../simulation/world.ts", "node:crypto", "zod"],
	}),
	...wall("operations", {
		may: ["./ports.ts", "../contracts/run.ts", "../domain/job.ts", "node:crypto"],
		mustNot: ["../api/runs.ts", "../store/runs.ts", "hono", "zod", "@hono/zod-openapi", "node:fs"],
	}),
	...wall("store", {
		may: ["../contracts/http/run.ts", "drizzle-orm/d1"],
		mustNot: ["../api/runs.ts", "../client/call.ts"],
	}),
	...wall("client", { may: ["../contracts/http/run.ts"], mustNot: ["../store/runs.ts", "../api/runs.ts", "node:fs"] }),
	...wall("doors/http", {
		may: ["../../operations/runs/runs.ts", "../../auth/token.ts", "./streams/logs.ts", "hono/cors"],
		mustNot: ["../runner/loop.ts", "../cli/main.ts", "node:fs"],
	}),
	...wall("runner", { may: ["../client/call.ts", "node:fs/promises"], mustNot: ["../api/token.ts", "../cli/main.ts"] }),
	...wall("cli", {
		may: ["../client/call.ts", "commander"],
		mustNot: ["../api/token.ts", "../runner/loop.ts", "hono"],
	}),
	...wall("dashboard", { may: ["../client/call.ts"], mustNot: ["../cli/main.ts", "../runner/loop.ts", "node:fs"] }),
	...wall("server", {
		may: ["miniflare", "node:fs"],
		mustNot: ["../api/app.ts", "../cli/main.ts", "../domain/job.ts"],
	}),
	...[
		"domain",
		"contracts",
		"engine",
		"operations",
		"store",
		"client",
		"api",
		"runner",
		"cli",
		"server",
		"dashboard",
	].flatMap((folder) => wall(folder, { may: [], mustNot: ["../../workers/env.ts", "cloudflare:workers"] })),
	{
		file: "src/doors/http/routes/runs.ts",
		code: `import "../streams/logs.ts"; import "../../../operations/runs/runs.ts";`,
		rule: null,
	},
	{ file: "src/doors/http/routes/jobs.ts", code: `import "../../../store/runs.ts";`, rule: walls },
	{ file: "src/doors/http/routes/pools.ts", code: `import "../../../../workers/env.ts";`, rule: walls },
	{ file: "src/domain/job/reach.test.ts", code: `import "../../workers/env.ts";`, rule: walls },
	{
		file: "src/contracts/wire/word.ts",
		code: `import type { A } from "../http/a.ts"; import "../../domain/a.ts"; export let a: A;`,
		rule: null,
	},
	{ file: "src/contracts/wire/schema.ts", code: `import "zod";`, rule: walls },
	{ file: "src/contracts/objects/schema.ts", code: `import "@hono/zod-openapi";`, rule: walls },
	{ file: "src/contracts/http/schema.ts", code: `import "@hono/zod-openapi"; import "../wire/word.ts";`, rule: null },
	{ file: "src/engine/repo/turn.ts", code: `import "../ports.ts"; import "../../domain/job.ts";`, rule: null },
	{
		file: "src/engine/repo/commands/claim.ts",
		code: `import "../turn.ts"; import "../outgoing/box.ts"; import "../../ports.ts"; import "../../../domain/job.ts";`,
		rule: null,
	},
	{ file: "src/engine/repo/reads/view.ts", code: `import "../../../store/runs.ts";`, rule: walls },
	{ file: "src/engine/pool/turn.ts", code: `import "../../store/runs.ts";`, rule: walls },
	{
		file: "src/operations/runs/list.ts",
		code: `import "../ports.ts"; import "../spill/drain.ts"; import "../../domain/job.ts"; import "../../contracts/http/run.ts";`,
		rule: null,
	},
	{ file: "src/operations/runs/store.ts", code: `import "../../store/runs.ts";`, rule: walls },
	{ file: "src/operations/runs/door.ts", code: `import "../../doors/http/app.ts";`, rule: walls },
	{
		file: "src/auth/issuers/issuer.ts",
		code: `import "jose"; import "zod"; import "../token.ts"; import "../../domain/a.ts"; import "../../contracts/objects/a.ts";`,
		rule: null,
	},
	{ file: "src/auth/issuers/store.ts", code: `import "../../store/runs.ts";`, rule: walls },
	{ file: "src/auth/issuers/door.ts", code: `import "../../doors/http/app.ts";`, rule: walls },
	{ file: "src/auth/keys.ts", code: `import "zod";`, rule: walls },
	{ file: "src/runner/log/masking/form.ts", code: `import "./walk.ts"; import "../../../domain/log.ts";`, rule: null },
	{ file: "src/runner/log/masking/call.ts", code: `import "../../../client/call.ts";`, rule: walls },
	{ file: "src/runner/job/job.ts", code: `import "../log/spool.ts"; import "../../client/call.ts";`, rule: null },
	{ file: "src/runner/log/upload.ts", code: `import "../../api/token.ts";`, rule: walls },
	{ file: "src/runner/session/loop.ts", code: `import "../../../workers/env.ts";`, rule: walls },
	{ file: "src/cli/runner/runner-start.ts", code: `await import("../../runner/agent.ts");`, rule: null },
	{ file: "src/cli/run/run-list.ts", code: `import "../connection.ts";`, rule: null },
	{ file: "src/cli/run/run-retry.ts", code: `import "../../client/call.ts";`, rule: null },
	{ file: "src/cli/run/run-start.ts", code: `import "../../api/token.ts";`, rule: walls },
	{ file: "src/cli/run/run-cancel.ts", code: `import "../../runner/loop.ts";`, rule: walls },
	{ file: "src/cli/run/run-watch.ts", code: `import "../../../workers/env.ts";`, rule: walls },
	{ file: "src/cli/serve.ts", code: `await import("../server/serve.ts");`, rule: null },
	{ file: "src/cli/dynamic.ts", code: `await import("../runner/agent.ts");`, rule: walls },
	{
		file: "src/contracts/http/type-only.ts",
		code: `import type { A } from "../../api/a.ts"; export let a: A;`,
		rule: walls,
	},
	{ file: "src/contracts/http/type-of.ts", code: `export type A = typeof import("../../api/a.ts");`, rule: "plugin" },
	{ file: "workers/reach.ts", code: `import "../src/doors/http/app.ts";`, rule: null },
];

const purity: Case[] = [
	{ file: "src/domain/now.ts", code: "export const now = Date.now();", rule: globals },
	{ file: "src/domain/date.ts", code: "export const now = new Date();", rule: globals },
	{ file: "src/domain/uuid.ts", code: "export const id = crypto.randomUUID();", rule: globals },
	{ file: "src/domain/timer.ts", code: "setTimeout(() => {}, 1);", rule: globals },
	{ file: "src/domain/around.ts", code: "export const now = globalThis.Date.now();", rule: globals },
	{
		file: "src/domain/dice.ts",
		code: "export const d = Math.random();",
		rule: "lint/nursery/noJsRestrictedProperties",
	},
	{ file: "src/engine/now.ts", code: "export const now = Date.now();", rule: globals },
	{ file: "src/engine/repo/now.ts", code: "export const now = Date.now();", rule: globals },
	{ file: "workers/say.ts", code: `console.error("told");`, rule: "lint/suspicious/noConsole" },
	{ file: "src/engine/repo/say.ts", code: `console.error("told");`, rule: globals },
	{
		file: "src/engine/repo/dice.ts",
		code: "export const d = Math.random();",
		rule: "lint/nursery/noJsRestrictedProperties",
	},
	{ file: "src/operations/answer.ts", code: "export const answer = new Response();", rule: globals },
	{ file: "src/operations/asked.ts", code: "export let asked: Request | null = null;", rule: globals },
	{
		file: "src/operations/now.ts",
		code: "export const now = Date.now();",
		rule: "lint/nursery/noJsRestrictedProperties",
	},
	{ file: "src/domain/sum.ts", code: "export const most = Math.max(1, 2);", rule: null },
	{ file: "src/doors/http/clock.ts", code: "export const now = Date.now();", rule: null },
];

const habits: Case[] = [
	{ file: "src/doors/http/any.ts", code: "export let loose: any;", rule: "lint/suspicious/noExplicitAny" },
	{ file: "src/doors/http/barrel.ts", code: `export * from "./any.ts";`, rule: "lint/performance/noBarrelFile" },
	{ file: "src/doors/http/app.ts", code: "console.error(1);", rule: "lint/suspicious/noConsole" },
	{ file: "src/doors/http/console.ts", code: "console.log(1);", rule: "lint/suspicious/noConsole" },
	{ file: "src/cli/console.ts", code: "console.log(1);", rule: null },
	{
		file: "src/doors/http/floating.ts",
		code: "async function save(): Promise<void> {}\nexport function f(): void {\n\tsave();\n}",
		rule: "lint/nursery/noFloatingPromises",
	},
	{
		file: "src/doors/http/switch.ts",
		code: 'type A = "x" | "y";\nexport function f(a: A): void {\n\tswitch (a) {\n\t\tcase "x":\n\t\t\treturn;\n\t}\n}',
		rule: "lint/nursery/useExhaustiveSwitchCases",
	},
	{
		file: "src/store/cycle-a.ts",
		code: `import { b } from "./cycle-b.ts";\nexport const a = b;`,
		rule: "lint/suspicious/noImportCycles",
	},
	{
		file: "src/store/cycle-b.ts",
		code: `import { a } from "./cycle-a.ts";\nexport const b = a;`,
		rule: "lint/suspicious/noImportCycles",
	},
	{
		file: "src/store/types-a.ts",
		code: `import type { B } from "./types-b.ts";\nexport interface A {\n\tb: B;\n}`,
		rule: "lint/suspicious/noImportCycles",
	},
	{
		file: "src/store/types-b.ts",
		code: `import type { A } from "./types-a.ts";\nexport interface B {\n\ta: A | null;\n}`,
		rule: "lint/suspicious/noImportCycles",
	},
	{ file: "src/store/CamelCase.ts", code: "export const a = 1;", rule: "lint/style/useFilenamingConvention" },
	{
		file: "src/domain/skipped.test.ts",
		code: `import { it } from "vitest";\nit.skip("x", () => {});`,
		rule: "lint/suspicious/noSkippedTests",
	},
];

const found = new Map<string, string[]>();
let folder = "";

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "spillway-lint-"));
	for (const name of ["biome.jsonc", "package.json", ".gitignore", "scripts/lint"]) {
		await cp(name, join(folder, name), { recursive: true });
	}
	for (const { file, code } of [...imports, ...purity, ...habits]) {
		await mkdir(dirname(join(folder, file)), { recursive: true });
		await writeFile(join(folder, file), `${code}\n`);
	}
	for (const { path, category } of await lint(folder)) found.set(path, [...(found.get(path) ?? []), category]);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the linter", () => {
	it.each(imports)("[T1] $file: `$code` is judged by the walls", expectVerdict);
	it.each(purity)("[T2] $file: `$code` is judged by whether it may know time or chance", expectVerdict);
	it.each(habits)("[T3] $file is judged as agreed", expectVerdict);
});

function expectVerdict({ file, rule }: Case): void {
	const verdicts = found.get(file) ?? [];
	if (rule === null) expect(verdicts).toEqual([]);
	else expect(verdicts).toContain(rule);
}

function wall(folder: string, { may, mustNot }: { may: string[]; mustNot: string[] }): Case[] {
	const file = (target: string, kind: string): string =>
		`src/${folder}/${kind}-${target.match(/[a-z0-9]+/g)?.join("-")}.ts`;
	return [
		...may.map((target) => ({ file: file(target, "may"), code: `import "${target}";`, rule: null })),
		...mustNot.map((target) => ({ file: file(target, "must-not"), code: `import "${target}";`, rule: walls })),
	];
}

function lint(folder: string): Promise<{ path: string; category: string }[]> {
	return new Promise((resolve, reject) => {
		const args = ["lint", ".", "--reporter=json", "--max-diagnostics=none"];
		const biome = join(process.cwd(), "node_modules/.bin/biome");
		execFile(biome, args, { cwd: folder, maxBuffer: 16 * 1024 * 1024 }, (_, stdout) => {
			try {
				const report = JSON.parse(stdout) as { diagnostics: { category: string; location: { path: string } }[] };
				resolve(report.diagnostics.map(({ category, location }) => ({ path: location.path, category })));
			} catch (cause) {
				reject(new Error("biome's report could not be read", { cause }));
			}
		});
	});
}
