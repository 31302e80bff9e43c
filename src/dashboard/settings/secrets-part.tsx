import { Act } from "../parts/act.tsx";
import { Ago } from "../parts/time.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";
import { AddForm, Part, wordsOf } from "./part.tsx";

/** Of the owner: all of its repositories have them, unless they have one of their own by the same name. */
export function SecretsPart({ owner }: { owner: string }) {
	const holder = { owner, repo: null };
	const list = useResource(`secrets ${owner}`, () => client.secrets.list(holder, { limit: 100 }));
	return (
		<Part
			title="Secrets"
			list={list}
			none="No secret of the owner's own."
			items={({ items }) =>
				items.map(({ name, refs, forks, setAt }) => (
					<li key={name} class="row">
						<span class="name">{name}</span>
						<span class="ref">{refs === null ? "all refs" : refs.join(" ")}</span>
						{forks ? <span class="tag">forks too</span> : null}
						<span class="when">{setAt === null ? "" : <Ago at={setAt} />}</span>
						<Act
							label="Delete"
							reason={null}
							act={async () => {
								await client.secrets.delete(holder, name);
								list.reload();
							}}
						/>
					</li>
				))
			}
		>
			<AddForm
				label="Set"
				fields={[
					{ name: "name", label: "Name" },
					{ name: "value", label: "Value", isHidden: true },
					{ name: "refs", label: "Only for refs", isOptional: true },
				]}
				add={async ({ name = "", value = "", refs }) => {
					const only = wordsOf(refs);
					await client.secrets.put(holder, { name, value, ...(only ? { refs: only } : {}) });
					list.reload();
				}}
			/>
		</Part>
	);
}
