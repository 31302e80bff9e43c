// `spillway member remove`: a member is none any more, or an invitation is withdrawn.
import type { Command } from "commander";
import { connect } from "../connection.ts";
import { nothingThere } from "../exit-code.ts";
import type { Host } from "../io.ts";

export function addMemberRemove(parent: Command, { io }: Host): void {
	parent
		.command("remove")
		.description("remove a member or withdraw an invitation; acts within 60 s")
		.argument("<owner>", "the owner")
		.argument("<member>", "as `member list` shows it, or as the member was invited")
		.action(async (owner: string, member: string, _: unknown, command: Command) => {
			const { client, answer } = connect(command, io);
			const { wasThere } = await client.members.remove({ owner, member });
			if (!wasThere) throw nothingThere(`member ${member}`, "spillway member list OWNER shows who is one");
			answer(null, () => `${member} is no member of ${owner} any more`);
		});
}
