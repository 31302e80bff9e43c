import { roles } from "../../domain/role.ts";
import type { Role } from "../../domain/role.ts";
import { Act } from "../parts/act.tsx";
import { Ago } from "../parts/time.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";
import { AddForm, Part, wordsOf } from "./part.tsx";

export function MembersPart({ owner }: { owner: string }) {
	const list = useResource(`members ${owner}`, () => client.members.list(owner, { limit: 100 }));
	return (
		<Part
			title="Members"
			list={list}
			none="Nobody yet: who is added here signs in with an issuer of this server."
			items={({ items }) =>
				items.map(({ member, name, role, repos, state, since }) => (
					<li key={member} class="row">
						<span class="name">{name ?? member}</span>
						<span>{role}</span>
						<span class="ref">{repos === null ? "all repositories" : repos.join(" ")}</span>
						{state === "invited" ? <span class="tag">invited</span> : null}
						<span class="when">
							<Ago at={since} />
						</span>
						<Act
							label="Remove"
							reason={null}
							act={async () => {
								await client.members.remove({ owner, member });
								list.reload();
							}}
						/>
					</li>
				))
			}
		>
			<AddForm
				label="Add"
				fields={[
					{ name: "member", label: "E-mail, or issuer:login" },
					{ name: "role", label: "Role", choices: roles },
					{ name: "repos", label: "Only these repositories", isOptional: true },
				]}
				add={async ({ member = "", role, repos }) => {
					const only = wordsOf(repos);
					await client.members.set({ owner, member }, { role: role as Role, ...(only ? { repos: only } : {}) });
					list.reload();
				}}
			/>
		</Part>
	);
}
