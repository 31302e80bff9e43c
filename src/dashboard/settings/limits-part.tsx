import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";
import { Part } from "./part.tsx";

const lookAgainMs = 30_000;

export function LimitsPart({ owner }: { owner: string }) {
	const list = useResource(`limits ${owner}`, () => client.limits.get({ owner, repo: null }), lookAgainMs);
	return (
		<Part
			title="Limits"
			list={list}
			none="No limit."
			items={({ items }) =>
				items.map(({ name, unit, limit, used, resetsAt }) => (
					<li key={name} class="row">
						<span class="name">{name}</span>
						<span class="number">
							{used === null ? "" : `${used.toLocaleString()} of `}
							{limit.toLocaleString()} {unit}
						</span>
						<meter min={0} max={limit} value={used ?? 0} high={limit * 0.8} aria-label={`${name} in use`} />
						<span class="when">{resetsAt === null ? "" : `back at ${new Date(resetsAt).toLocaleTimeString()}`}</span>
					</li>
				))
			}
		/>
	);
}
