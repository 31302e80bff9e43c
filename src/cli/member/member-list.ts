// `spillway member list`: who is a member of an owner, and who is invited.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { Member } from "../../contracts/http/member.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { table } from "../terminal/table.ts";

export function addMemberList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("an owner's members and invitations")
		.argument("<owner>", "the owner")
		.action(async (owner: string, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const members: Member[] = [];
			for await (const member of everyItem((cursor) => client.members.list(owner, { cursor }))) members.push(member);
			answer(members, (shown) => table([headings.map(paint.faint), ...shown.map(row)]));
		});
}

const headings = ["member", "name", "role", "repositories", "state", "since"];

function row({ member, name, role, repos, state, invitedAs, since }: Member): string[] {
	return [member, name ?? invitedAs ?? "-", role, repos?.join(",") ?? "all", state, since];
}
