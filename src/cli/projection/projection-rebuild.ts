// `spillway projection rebuild`: sets right what lists show, from where it is true, slice by slice. Broken off, it is begun anew.
import type { Command } from "commander";
import type { RebuildAnswer } from "../../contracts/http/repository.ts";
import { connect } from "../connection.ts";
import type { Host, Io } from "../io.ts";
import { printable } from "../terminal/printable.ts";
import { readOwnerOrRepository } from "../arguments.ts";
import type { OwnerOrRepository } from "../arguments.ts";

/** So often a line of how far it has come. */
const progressMs = 2_000;

interface Total {
	owner: string;
	repo: string | null;
	right: number;
	written: number;
	removed: number;
}

export function addProjectionRebuild(parent: Command, { io }: Host): void {
	parent
		.command("rebuild")
		.description("set right what lists show, from where it is true; beside all other work")
		.argument("<owner[/repo]>", "all of an owner's, or one repository's runs", readOwnerOrRepository)
		.action(async ({ owner, repo }: OwnerOrRepository, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { rebuildOwner, rebuildRepository } = client.projection;
			const slice = (cursor: string | null) =>
				repo === null ? rebuildOwner(owner, cursor) : rebuildRepository({ owner, repo }, cursor);
			const total: Total = { owner, repo, right: 0, written: 0, removed: 0 };
			const progress = progressTo(io);
			for (let cursor: string | null = null, isFirst = true; isFirst || cursor !== null; isFirst = false) {
				const done: RebuildAnswer = await slice(cursor);
				for (const count of ["right", "written", "removed"] as const) total[count] += done[count];
				cursor = done.nextCursor;
				progress(done, total);
			}
			answer(total, (shown) => `${nameOf(shown)}: ${countsText(shown)}`);
		});
}

/** On standard error, and only of what takes long. */
function progressTo(io: Io): (slice: RebuildAnswer, total: Total) => void {
	let saidAt = Date.now();
	return (slice, total) => {
		if (Date.now() - saidAt < progressMs) return;
		saidAt = Date.now();
		io.err(`spillway: at ${printable(nameOf(slice))}: ${countsText(total)}\n`);
	};
}

function nameOf({ owner, repo }: Pick<Total, "owner" | "repo">): string {
	return repo === null ? owner : `${owner}/${repo}`;
}

function countsText({ right, written, removed }: Total): string {
	return `${right} rows were right, ${written} written, ${removed} removed`;
}
