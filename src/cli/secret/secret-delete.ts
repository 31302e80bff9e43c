// `spillway secret delete`: jobs that name it are refused from then on.
import type { Command } from "commander";
import { readOwnerOrRepository } from "../arguments.ts";
import type { OwnerOrRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import { nothingThere } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addSecretDelete(parent: Command, { io }: Host): void {
	parent
		.command("delete")
		.description("forget a secret")
		.argument("<owner[/repo]>", "the repository, or the owner: for all of its repositories", readOwnerOrRepository)
		.argument("<name>", "as jobs name it")
		.action(async (holder: OwnerOrRepository, name: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { wasThere } = await client.secrets.delete(holder, name);
			if (!wasThere) throw nothingThere(`secret ${name}`, `spillway secret list ${nameOf(holder)} shows the names`);
			answer({ name }, (gone) => `secret ${gone.name} is forgotten`);
		});
}

function nameOf({ owner, repo }: OwnerOrRepository): string {
	return repo === null ? owner : `${owner}/${repo}`;
}
