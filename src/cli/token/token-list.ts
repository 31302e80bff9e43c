// `spillway token list`: who may do what. The tokens themselves are kept nowhere.
import type { Command } from "commander";
import { everyItem } from "../../client/client.ts";
import type { TokenRecord } from "../../contracts/http/token.ts";
import { connect } from "../connection.ts";
import type { Host } from "../io.ts";
import { table } from "../terminal/table.ts";

export function addTokenList(parent: Command, { io }: Host): void {
	parent
		.command("list")
		.description("an owner's tokens")
		.argument("<owner>", "the owner")
		.action(async (owner: string, _: unknown, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const tokens: TokenRecord[] = [];
			for await (const token of everyItem((cursor) => client.tokens.list(owner, { cursor }))) tokens.push(token);
			answer(tokens, (shown) => table([headings.map(paint.faint), ...shown.map(row)]));
		});
}

const headings = ["id", "name", "scopes", "repositories", "pools", "runners", "expires", "state"];

function row({ id, name, scopes, repos, pools = null, uses = null, expiresAt, revokedAt }: TokenRecord): string[] {
	const isExpired = expiresAt !== null && Date.parse(expiresAt) <= Date.now();
	const state = revokedAt !== null ? "revoked" : isExpired ? "expired" : "good";
	const registers = scopes.includes("runner:register");
	const where = registers ? (pools?.join(",") ?? "all") : "-";
	const count = registers ? `${uses ?? "any number"}` : "-";
	return [id, name, scopes.join(","), repos?.join(",") ?? "all", where, count, expiresAt ?? "never", state];
}
