// `spillway repo set`: makes a repository known, or changes what is named and nothing else. Limits act on what already waits.
import type { Command } from "commander";
import { ProblemError } from "../../client/call-failure.ts";
import type { Client } from "../../client/client.ts";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import type { Repository, RepositoryRequest } from "../../contracts/http/repository.ts";
import { readGroup, readJson, parseRepository, readWhole } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";
import { repositoryText } from "./repo-show.ts";

interface SetFlags extends GlobalOptions {
	file?: string;
	cloneUrl?: string;
	defaultRef?: string;
	maxRunning?: number;
	pause?: string | boolean;
	resume?: boolean;
	pool?: string;
	timeoutSeconds?: number;
	queueTimeoutSeconds?: number;
	maxAttempts?: number;
	group?: Record<string, { limit: number }>;
	retentionDays?: number;
	logBytesMax?: number;
}

export function addRepoSet(parent: Command, { io }: Host): void {
	parent
		.command("set")
		.description("make a repository known, or change what is named")
		.argument("<owner/repo>", "the repository", parseRepository)
		.option("-f, --file <file>", "settings as the API takes them; - reads them")
		.option("--clone-url <url>", "where runners fetch the source")
		.option("--default-ref <ref>", "what runs take that name no ref; else the remote's HEAD")
		.option("--max-running <jobs>", "jobs at once", readWhole)
		.option("--pause [note]", "start nothing new, with a note for those who wait")
		.option("--resume", "go on")
		.option("--pool <pool>", "the pool of jobs that name none")
		.option("--timeout-seconds <seconds>", "how long a job may run", readWhole)
		.option("--queue-timeout-seconds <seconds>", "how long a job may wait", readWhole)
		.option("--max-attempts <attempts>", "of jobs that say nothing else", readWhole)
		.option("--group <name=limit>", "a concurrency group; several times; replaces all that were", readGroup)
		.option("--retention-days <days>", "how long runs and logs are kept", readWhole)
		.option("--log-bytes-max <bytes>", "of one attempt's log", readWhole)
		.action(async (name: RepositoryName, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const flags = command.optsWithGlobals<SetFlags>();
			const file = flags.file === undefined ? {} : ((await readJson(flags.file, io)) as RepositoryRequest);
			answer(await set(client, name, withFlags(file, flags)), repositoryText);
		});
}

async function set(client: Client, name: RepositoryName, request: RepositoryRequest): Promise<Repository> {
	try {
		return await client.repositories.patch(name, request);
	} catch (error) {
		if (error instanceof ProblemError && error.code === "repository-unknown") {
			return client.repositories.put(name, request);
		}
		throw error;
	}
}

function withFlags(file: RepositoryRequest, flags: SetFlags): RepositoryRequest {
	const { cloneUrl, defaultRef, maxRunning, retentionDays, logBytesMax, group: concurrencyGroups } = flags;
	const { pool, timeoutSeconds, queueTimeoutSeconds, maxAttempts } = flags;
	const retry = maxAttempts === undefined ? undefined : { ...file.defaults?.retry, maxAttempts };
	const defaults = defined({ pool, timeoutSeconds, queueTimeoutSeconds, retry });
	return {
		...file,
		...defined({ cloneUrl, defaultRef, maxRunning, retentionDays, logBytesMax, concurrencyGroups }),
		...(Object.keys(defaults).length > 0 ? { defaults: { ...file.defaults, ...defaults } } : {}),
		...pauseOf(flags),
	};
}

function pauseOf({ pause, resume }: SetFlags): RepositoryRequest {
	if (resume) return { paused: false, pauseNote: null };
	if (pause === undefined) return {};
	return { paused: true, pauseNote: typeof pause === "string" ? pause : null };
}

function defined<T extends object>(fields: T): Partial<T> {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}
