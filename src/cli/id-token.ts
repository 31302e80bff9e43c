// `spillway id-token`, in a job: a token by which the job proves to others who it is. It alone goes to standard output, so that a
// script can take it as it is.
import type { Command } from "commander";
import { JobClient } from "../client/job-client.ts";
import { commandRetry } from "./connection.ts";
import type { GlobalOptions } from "./connection.ts";
import { CommandFailure, exitCode } from "./exit-code.ts";
import type { Host } from "./io.ts";

interface IdTokenFlags extends GlobalOptions {
	audience: string;
}

export function addIdToken(parent: Command, { io }: Host): void {
	parent
		.command("id-token")
		.description("in a job: print a token by which it proves to others who it is (docs/job-identity.md)")
		.requiredOption("--audience <audience>", "whom it is for, such as sts.amazonaws.com: nobody else takes it")
		.action(async (_, command: Command) => {
			const { audience, url: given, json } = command.optsWithGlobals<IdTokenFlags>();
			const url = given ?? io.environment.SPILLWAY_URL;
			// The lease's, and no other: a person's token says nothing of a job.
			const token = io.environment.SPILLWAY_LEASE_TOKEN;
			if (!url || !token) {
				throw new CommandFailure(
					"only a job has an identity: SPILLWAY_URL and SPILLWAY_LEASE_TOKEN are not set",
					exitCode.usage,
				);
			}
			const made = await new JobClient({ url, token, retry: { ...commandRetry, ...io.retry } }).idToken({ audience });
			io.out(`${json ? JSON.stringify(made) : made.token}\n`);
		});
}
