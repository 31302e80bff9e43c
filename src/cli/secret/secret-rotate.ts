// `spillway secret rotate`: a new data key for an owner, by which all secrets are sealed anew, slice by slice. Broken off, it goes on
// when it is called again.
import type { Command } from "commander";
import type { RotateAnswer } from "../../contracts/http/secret.ts";
import { connect } from "../connection.ts";
import { CommandFailure, exitCode } from "../exit-code.ts";
import type { Host } from "../io.ts";

type Total = Omit<RotateAnswer, "nextCursor">;

export function addSecretRotate(parent: Command, { io }: Host): void {
	parent
		.command("rotate")
		.description("seal all secrets of an owner and of its repositories by a new data key")
		.argument("<owner>", "whose", (text: string) => text)
		.action(async (owner: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			let { nextCursor: cursor, ...total }: RotateAnswer = await client.secrets.rotate(owner, null);
			while (cursor !== null) {
				const { nextCursor, ...done }: RotateAnswer = await client.secrets.rotate(owner, cursor);
				total = sumOf(total, done);
				cursor = nextCursor;
			}
			answer(total, rotatedText);
			if (total.unreadable.length === 0) return;
			throw new CommandFailure("some secrets do not open: set them again, or bring their key back", exitCode.failed);
		});
}

function sumOf(before: Total, done: Total): Total {
	const sealingKeys = { ...before.sealingKeys };
	for (const [id, count] of Object.entries(done.sealingKeys)) sealingKeys[id] = (sealingKeys[id] ?? 0) + count;
	return {
		...done,
		resealed: before.resealed + done.resealed,
		right: before.right + done.right,
		unreadable: [...before.unreadable, ...done.unreadable],
		sealingKeys,
	};
}

function rotatedText({ owner, dataKey, resealed, right, unreadable, sealingKeys }: Total): string {
	const lines = [`${owner}: ${resealed} secrets were sealed anew by data key ${dataKey}, ${right} were already`];
	for (const { repo, name } of unreadable)
		lines.push(`${repo === null ? owner : `${owner}/${repo}`}: ${name} does not open`);
	for (const [id, count] of Object.entries(sealingKeys)) {
		const of = count === 0 ? `no secret of ${owner}` : `${count} of ${owner}`;
		lines.push(`sealing key ${id}: ${of}`);
	}
	return lines.join("\n");
}
