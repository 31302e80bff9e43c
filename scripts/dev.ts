// `npm run dev`: `wrangler dev` with secrets for this machine only and the database brought up to date. For work on the
// Worker itself, which reloads as it changes; `npm start` is the faster and the durable one.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./child.ts";

const secrets = join(root, ".dev.vars");
if (!existsSync(secrets)) {
	const key = () => `k1:${randomBytes(32).toString("hex")}`;
	const lines = [
		`SPILLWAY_OPERATOR_TOKEN=spw_operator_${randomBytes(24).toString("hex")}`,
		`SPILLWAY_SIGNING_KEYS=${key()}`,
		`SPILLWAY_SEALING_KEYS=${key()}`,
	];
	writeFileSync(secrets, `${lines.join("\n")}\n`, { mode: 0o600 });
	process.stdout.write("made .dev.vars; the operator token is in it\n");
}

/** Nothing here needs the network. */
const environment = { WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", ...process.env };
execFileSync("wrangler", ["d1", "migrations", "apply", "DB", "--local"], {
	cwd: root,
	env: { ...environment, CI: "true" },
	stdio: ["ignore", "ignore", "inherit"],
});
const dev = spawn("wrangler", ["dev", ...process.argv.slice(2)], { cwd: root, env: environment, stdio: "inherit" });
dev.on("exit", (code) => process.exit(code ?? 1));
