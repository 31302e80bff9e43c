// `spillway secret delete`: jobs that name it are refused from then on.
import type { Command } from "commander";
import type { RepositoryName } from "../../contracts/objects/objects.ts";
import { parseRepository } from "../arguments.ts";
import { connect } from "../connection.ts";
import { nothingThere } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addSecretDelete(parent: Command, { io }: Host): void {
	parent
		.command("delete")
		.description("forget a secret")
		.argument("<owner/repo>", "the repository", parseRepository)
		.argument("<name>", "as jobs name it")
		.action(async (repository: RepositoryName, name: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { wasThere } = await client.secrets.delete(repository, name);
			if (!wasThere) throw nothingThere(`secret ${name}`, "spillway secret list OWNER/REPO shows the names");
			answer({ name }, (gone) => `secret ${gone.name} is forgotten`);
		});
}
