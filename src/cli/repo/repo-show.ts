// `spillway repo show`: a repository's settings and its queue.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { QueueFigures, Repository } from "../../contracts/http/repository.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { msText } from "../terminal/span.ts";
import { table } from "../terminal/table.ts";

export function addRepoShow(parent: Command, { io }: Host): void {
	parent
		.command("show")
		.description("a repository's settings and its queue")
		.argument("<owner/repo>", "the repository", parseRepository)
		.action(async (name: RepositoryName, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const [settings, queue] = await Promise.all([client.repositories.get(name), client.repositories.queue(name)]);
			answer({ ...settings, queue }, (shown) => {
				const parts = [repositoryText(shown), "", queueText(shown.queue), lagText(shown.queue.projectionLagSeconds)];
				return parts.join("\n");
			});
		});
}

export function repositoryText(settings: Repository): string {
	const { owner, repo, cloneUrl, defaultRef, paused, pauseNote, defaults } = settings;
	const groups = Object.entries(settings.concurrencyGroups).map(([name, { limit }]) => `${name}=${limitText(limit)}`);
	return table([
		["repository", `${owner}/${repo}`],
		["clone URL", cloneUrl ?? "none"],
		...(cloneUrl === null ? [] : [["default ref", defaultRef ?? "the remote's HEAD"]]),
		["paused", paused ? `yes${pauseNote === null ? "" : `: ${pauseNote}`}` : "no"],
		["max running", limitText(settings.maxRunning)],
		["groups", groups.join(" ") || "none"],
		["pool", defaults.pool],
		["timeouts", `${defaults.timeoutSeconds} s to run, ${defaults.queueTimeoutSeconds} s to wait`],
		["attempts", String(defaults.retry.maxAttempts ?? 1)],
		["kept", `${settings.retentionDays} days`],
		["log limit", `${settings.logBytesMax} bytes`],
	]);
}

function limitText(limit: number): string {
	return limit === 0 ? "0 (none may run)" : String(limit);
}

export function queueText({
	blocked,
	waiting,
	leased,
	running,
	canceling,
	oldestWaitingSeconds,
	waitSecondsP50,
	waitSecondsP99,
}: Omit<QueueFigures, "paused" | "pauseNote" | "limits" | "projectionLagSeconds">): string {
	const oldest = oldestWaitingSeconds === null ? "" : `, the oldest for ${Math.round(oldestWaitingSeconds)} s`;
	// One that is being canceled still runs.
	const all = running + leased + canceling;
	const ending = canceling === 0 ? "" : ` (${canceling} of them being canceled)`;
	const lately =
		waitSecondsP50 === null || waitSecondsP99 === null
			? ""
			: `\nlately half of the jobs waited up to ${msText(waitSecondsP50 * 1_000)}, 99 % up to ${msText(waitSecondsP99 * 1_000)}`;
	return `${all} running${ending}, ${waiting} waiting${oldest}, ${blocked} blocked${lately}`;
}

export function lagText(seconds: number | null): string {
	if (seconds === null) return "lists: not known yet whether they show every change";
	if (seconds === 0) return "lists show every change";
	return `lists are behind: the oldest change that they do not show was ${msText(seconds * 1_000)} ago`;
}
