// `spillway member set`: invites somebody, or changes what a member may.
import type { Command } from "commander";
import { Option } from "commander";
import { roles } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { namedRepository, readList } from "../arguments.ts";
import { connect } from "../connection.ts";
import type { GlobalOptions } from "../connection.ts";
import type { Host } from "../io.ts";

interface SetFlags extends GlobalOptions {
	role: Role;
	repo?: string[];
}

export function addMemberSet(parent: Command, { io }: Host): void {
	parent
		.command("set")
		.description("invite somebody, or change what a member may; acts within 60 s")
		.argument("<owner>", "the owner")
		.argument("<member>", "an e-mail address, ISSUER:LOGIN, or a person's id as `member list` shows it")
		.addOption(new Option("--role <role>", "what the member may").choices(roles).makeOptionMandatory())
		.option("--repo <repos>", "in these of the owner's repositories alone, with commas; else in all", readList)
		.action(async (owner: string, member: string, _: unknown, command: Command) => {
			const { role, repo: repos } = command.optsWithGlobals<SetFlags>();
			const { client, answer } = connect(command, io);
			const request = { role, ...(repos ? { repos: repos.map((repo) => namedRepository(owner, repo)) } : {}) };
			const set = await client.members.set({ owner, member }, request);
			answer(
				set,
				({ member: shown, state }) => `${shown} is ${state === "invited" ? "invited as" : "now"} ${set.role}`,
			);
		});
}
