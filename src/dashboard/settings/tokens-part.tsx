import { useSignal } from "@preact/signals";
import type { Scope } from "../../contracts/http/token.ts";
import { Act } from "../parts/act.tsx";
import { Ago } from "../parts/time.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";
import { AddForm, Part } from "./part.tsx";

const scopes = ["read", "write", "admin", "runner:register", "metrics"] as const satisfies readonly Scope[];

export function TokensPart({ owner }: { owner: string }) {
	const list = useResource(`tokens ${owner}`, () => client.tokens.list(owner, { limit: 100 }));
	const made = useSignal<string | null>(null);
	return (
		<Part
			title="Tokens"
			list={list}
			none="No token."
			items={({ items }) =>
				items.map(({ id, name, scopes: may, repos, createdAt, expiresAt, revokedAt }) => (
					<li key={id} class="row">
						<span class="name">{name}</span>
						<span>{may.join(" ")}</span>
						<span class="ref">{repos === null ? "all repositories" : repos.join(" ")}</span>
						<span class="when">
							<Ago at={createdAt} />
						</span>
						<span>{expiresAt === null ? "" : `until ${new Date(expiresAt).toLocaleDateString()}`}</span>
						{revokedAt === null ? (
							<Act
								label="Revoke"
								reason={null}
								act={async () => {
									await client.tokens.revoke(id, owner);
									list.reload();
								}}
							/>
						) : (
							<span class="tag">revoked</span>
						)}
					</li>
				))
			}
		>
			<AddForm
				label="Make"
				fields={[
					{ name: "name", label: "Name" },
					{ name: "scope", label: "May", choices: scopes },
				]}
				add={async ({ name = "", scope }) => {
					const { token } = await client.tokens.create({ owner, name, scopes: [scope as Scope] });
					made.value = token;
					list.reload();
				}}
			/>
			{made.value === null ? null : (
				<p class="notice" role="status">
					Copy it now, it is not shown again: <code class="token">{made.value}</code>
				</p>
			)}
		</Part>
	);
}
