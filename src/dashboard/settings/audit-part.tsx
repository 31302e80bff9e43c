import { Ago } from "../parts/time.tsx";
import { client } from "../state/api.ts";
import { useResource } from "../state/resource.ts";
import { Part } from "./part.tsx";

export function AuditPart({ owner }: { owner: string }) {
	const list = useResource(`audit ${owner}`, () => client.audit.list({ owner, limit: 30 }));
	return (
		<Part
			title="Who did what"
			list={list}
			none="Nothing yet."
			items={({ items }) =>
				items.map(({ id, at, actor, action, subject, reason }) => (
					<li key={id} class="row">
						<span class="when">
							<Ago at={at} />
						</span>
						<span class="actor">{actor}</span>
						<span class="name">
							{action} {subject}
						</span>
						<span>{reason ?? ""}</span>
					</li>
				))
			}
		/>
	);
}
