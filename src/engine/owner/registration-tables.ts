// Which runners the tokens that count have registered: a row for each, until the token has expired and counts no more.
import type { CountedRegistration } from "../../contracts/objects/owner.ts";
import type { Millis } from "../../domain/ids.ts";
import type { OwnerTables } from "./owner-tables.ts";

export class RegistrationTables {
	readonly #tables: OwnerTables;

	constructor(tables: OwnerTables) {
		this.#tables = tables;
	}

	/** False: the token has registered as many others. One step, so of two at once the last place goes to one. */
	count({ token, runner, uses, until }: CountedRegistration & { uses: number; until: Millis | null }): boolean {
		const { rowsWritten } = this.#tables.made.exec(
			`INSERT INTO registration SELECT ?1, ?2, ?3
			WHERE (SELECT count(*) FROM registration WHERE token = ?1) < ?4
			ON CONFLICT DO NOTHING`,
			...[token, runner, until, uses],
		);
		return rowsWritten > 0 || this.#isCounted({ token, runner });
	}

	uncount({ token, runner }: CountedRegistration): void {
		this.#tables.made.exec("DELETE FROM registration WHERE token = ? AND runner = ?", token, runner);
	}

	forgetExpired(now: Millis): void {
		this.#tables.made.exec("DELETE FROM registration WHERE until <= ?", now);
	}

	#isCounted({ token, runner }: CountedRegistration): boolean {
		const sql = "SELECT 1 FROM registration WHERE token = ? AND runner = ?";
		return this.#tables.made.exec(sql, token, runner).toArray().length > 0;
	}
}
