// `spillway doctor`: what this machine has for a runner, and whether its server answers. It changes nothing on either.
import type { Command } from "commander";
import type { Finding } from "../runner/machine/machine-check.ts";
import { isServerUrl, noServerUrl, urlDefault } from "./connection.ts";
import type { GlobalOptions } from "./connection.ts";
import { exitCode } from "./exit-code.ts";
import type { Host } from "./io.ts";
import { createPaint } from "./terminal/paint.ts";
import { table } from "./terminal/table.ts";

/** A server that says nothing for so long does not answer. */
const answerMs = 10_000;

export function addDoctor(parent: Command, { io, exitWith }: Host): void {
	parent
		.command("doctor")
		.description("say what this machine has for a runner, and whether its server answers")
		.action(async (_, command: Command) => {
			const flags = command.optsWithGlobals<GlobalOptions>();
			const url = flags.url ?? io.environment.SPILLWAY_URL;
			const token = flags.token ?? io.environment.SPILLWAY_TOKEN;
			const { checkMachine } = await import("../runner/machine/machine-check.ts");
			const server = await checkServer(url, token);
			const signIn = url && server.state === "ok" ? await checkSignIn(url, token) : [];
			const findings = [...(await checkMachine()), server, ...signIn];
			if (findings.some(({ state }) => state === "fault")) exitWith(exitCode.failed);
			if (flags.json) return io.out(`${JSON.stringify(findings)}\n`);
			const { outcome, faint } = createPaint(io.hasColors);
			const words = { ok: outcome("passed", "ok"), note: faint("note"), fault: outcome("failed", "fault") };
			io.out(`${table(findings.map(({ what, state, text }) => [words[state], what, text]))}\n`);
		});
}

/** Any resource will do: before anything else the server looks at the token. */
async function checkServer(url: string | undefined, token: string | undefined): Promise<Finding> {
	const what = "server";
	if (!url)
		return { what, state: "note", text: `not asked: SPILLWAY_URL is not set (commands then take ${urlDefault})` };
	if (!isServerUrl(url)) return { what, state: "fault", text: noServerUrl(url) };
	try {
		const headers: Record<string, string> = token ? { authorization: `Bearer ${token}` } : {};
		// Below the server's own path: behind a proxy it may have one.
		const answer = await fetch(`${url.replace(/\/+$/, "")}/v1/pools/spillway-doctor/default`, {
			headers,
			signal: AbortSignal.timeout(answerMs),
		});
		const { status } = answer;
		const isOurs = await isSpillways(answer);
		if (status >= 500) return { what, state: "fault", text: `${url} answers with ${status}` };
		if (!isOurs) return { what, state: "fault", text: `${url} answers with ${status}, and not as Spillway does` };
		if (!token) return { what, state: "note", text: `${url} answers; SPILLWAY_TOKEN is not set` };
		if (status === 401) return { what, state: "fault", text: `${url} answers, and does not accept the token` };
		return { what, state: "ok", text: `${url} answers, and accepts the token` };
	} catch (error) {
		const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
		return { what, state: "fault", text: `${url} does not answer: ${cause instanceof Error ? cause.message : cause}` };
	}
}

/** [A114] Nobody's work hangs on it, so it is no fault of the machine's; a server without issuers has nothing to say of them. */
async function checkSignIn(url: string, token: string | undefined): Promise<Finding[]> {
	const what = "sign-in";
	const answer = await fetch(`${url.replace(/\/+$/, "")}/readyz`, {
		headers: token ? { authorization: `Bearer ${token}` } : {},
		signal: AbortSignal.timeout(answerMs),
	}).catch(() => null);
	const body = (await answer?.json().catch(() => null)) as Readiness | null | undefined;
	const found = body?.dependencies?.["sign-in"];
	if (found === undefined) return [];
	if (found.status === "ok") return [{ what, state: "ok", text: "the settings of its issuers are whole" }];
	const faults = found.faults ?? ["the settings of an issuer are wrong; the operator's token shows how"];
	return faults.map((text) => ({ what, state: "note", text }));
}

interface Readiness {
	dependencies?: Record<string, { status: string; faults?: string[] }>;
}

/** Whoever else listens there, or a proxy that sends another path on, has a page of its own for this; a Spillway has a pool or a problem. */
async function isSpillways(answer: Response): Promise<boolean> {
	const body: unknown = await answer.json().catch(() => null);
	return typeof body === "object" && body !== null && ("code" in body || "pool" in body);
}
