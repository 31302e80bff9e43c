// `spillway limits`: the limits of an owner or a repository, what is used of each, and, for the operator, their change.
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import type { LimitsChange } from "../client/client.ts";
import type { LimitUse } from "../contracts/http/limit.ts";
import { readOwnerOrRepository } from "./arguments.ts";
import type { OwnerOrRepository } from "./arguments.ts";
import { connect } from "./connection.ts";
import type { Host } from "./io.ts";
import type { Paint } from "./terminal/paint.ts";
import type { Column } from "./terminal/table.ts";
import { fittedTable } from "./terminal/table.ts";

interface LimitsOptions {
	set: LimitsChange;
}

export function addLimits(parent: Command, { io }: Host): void {
	parent
		.command("limits")
		.description("the limits of an owner or a repository, and what is used of each")
		.argument("<owner[/repo]>", "the owner, or one of its repositories", readOwnerOrRepository)
		.option("--set <name=number>", "set one, or NAME=default; several times; for the operator", readChange, {})
		.action(async (of: OwnerOrRepository, { set }: LimitsOptions, command: Command) => {
			const { client, answer, paint } = connect(command, io);
			const isChange = Object.keys(set).length > 0;
			const { items } = await (isChange ? client.limits.patch(of, set) : client.limits.get(of));
			answer(items, (shown) => limitsText(shown, { paint, width: io.columns }));
		});
}

/** The server says which there are. */
function readChange(text: string, before: LimitsChange): LimitsChange {
	const [, name, number] = /^([a-z][a-z-]*)=(\d{1,12}|default)$/.exec(text) ?? [];
	if (name === undefined) throw new InvalidArgumentError("Want NAME=NUMBER or NAME=default.");
	return { ...before, [name]: number === "default" ? null : Number(number) };
}

const columns: Column[] = [
	{ heading: "limit", least: 12 },
	{ heading: "used" },
	{ heading: "of" },
	{ heading: "unit", least: 8 },
	{ heading: "all back at", dropAt: 1 },
];

function limitsText(items: readonly LimitUse[], { paint, width }: { paint: Paint; width: number | null }): string {
	const rows = items.map(({ name, unit, limit, used, resetsAt }) => {
		return [name, used === null ? "-" : String(used), String(limit), unit, resetsAt ?? "-"];
	});
	return fittedTable(columns, rows, { width, paint });
}
