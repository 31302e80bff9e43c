// Who is a member of an owner, who is invited, and which of them have not heard yet what they are.
import type { OwnerMember } from "../../contracts/objects/owner.ts";
import type { Role } from "../../domain/role.ts";
import type { OwnerTables } from "./owner-tables.ts";

interface MemberRow {
	[column: string]: string | number | null;
	member: string;
	role: string;
	repos: string | null;
	invited_as: string | null;
	name: string | null;
	since: number;
	version: number;
}

export class MemberTables {
	readonly #tables: OwnerTables;
	readonly #owner: string;

	constructor(tables: OwnerTables, owner: string) {
		this.#tables = tables;
		this.#owner = owner;
	}

	/** By the name that it has here. */
	member(member: string): OwnerMember | null {
		return this.#select("WHERE member = ?", member)[0] ?? null;
	}

	/** The person who took an invitation under that name, also where that was not the last one that it took. */
	invitedAs(claim: string): OwnerMember | null {
		return this.#select("WHERE member = (SELECT member FROM member_name WHERE name = ?)", claim)[0] ?? null;
	}

	/** From now on the name is that member's, for as long as it is one. */
	nameTaken(claim: string, member: string): void {
		this.#tables.made.exec("INSERT OR REPLACE INTO member_name VALUES (?, ?)", claim, member);
	}

	/** By name, after one name. */
	page(after: string, limit: number): OwnerMember[] {
		return this.#select("WHERE member > ? ORDER BY member LIMIT ?", after, limit);
	}

	count(): number {
		return this.#tables.found?.exec<{ n: number }>("SELECT count(*) AS n FROM member").one().n ?? 0;
	}

	/** In a transaction with the change. */
	nextVersion(): number {
		return this.#tables.made
			.exec<{ version: number }>(
				"UPDATE owner SET members_version = members_version + 1 RETURNING members_version AS version",
			)
			.one().version;
	}

	put({ member, role, repos, invitedAs, name, since, version }: OwnerMember): void {
		this.#tables.made.exec(
			"INSERT OR REPLACE INTO member VALUES (?, ?, ?, ?, ?, ?, ?)",
			...[member, role, repos === null ? null : JSON.stringify(repos), invitedAs, name, since, version],
		);
		this.#untold(member, version);
	}

	remove(member: string, version: number): void {
		this.#tables.made.exec("DELETE FROM member WHERE member = ?", member);
		this.#tables.made.exec("DELETE FROM member_name WHERE member = ?", member);
		this.#untold(member, version);
	}

	/** Members and former members who have not heard what they are since that version. */
	untold(max: number): { member: string; version: number }[] {
		const found = this.#tables.found?.exec<{ member: string; version: number }>(
			"SELECT member, version FROM member_untold ORDER BY version LIMIT ?",
			max,
		);
		return found?.toArray() ?? [];
	}

	/** A change that came meanwhile is still to be told. */
	told({ member, version }: { member: string; version: number }): void {
		this.#tables.made.exec("DELETE FROM member_untold WHERE member = ? AND version = ?", member, version);
	}

	/** Persons who have the role in all repositories: an invitation is nobody yet. */
	ownersWithout(member: string): number {
		const sql = `SELECT count(*) AS n FROM member
			WHERE role = 'owner' AND repos IS NULL AND member <> ? AND instr(member, '@') = 0 AND instr(member, ':') = 0`;
		return this.#tables.found?.exec<{ n: number }>(sql, member).one().n ?? 0;
	}

	#untold(member: string, version: number): void {
		this.#tables.made.exec("INSERT OR REPLACE INTO member_untold VALUES (?, ?)", member, version);
	}

	#select(where: string, ...values: (string | number)[]): OwnerMember[] {
		const rows = this.#tables.found?.exec<MemberRow>(`SELECT * FROM member ${where}`, ...values).toArray() ?? [];
		return rows.map((row) => ({
			owner: this.#owner,
			member: row.member,
			role: row.role as Role,
			repos: row.repos === null ? null : (JSON.parse(row.repos) as string[]),
			invitedAs: row.invited_as,
			name: row.name,
			since: row.since,
			version: row.version,
		}));
	}
}
