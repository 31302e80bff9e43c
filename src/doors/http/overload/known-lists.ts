// [V15] A list that is shed is not refused where its last good page is known: that costs no call, and a person who looks at a list
// in a flood is helped by how it was a moment ago.
import type { Page } from "../../../contracts/http/page.ts";
import type { PagedList, Services } from "../services.ts";
import { overloaded } from "./passage.ts";

/** The same services, whose lists answer by what is known, or throw 503. */
export function withKnownLists(services: Services): Services {
	const known =
		<T>(list: PagedList) =>
		async (call: { owner: string | null }): Promise<Page<T>> => {
			const page = services.knownPage(list, call);
			if (page === null) throw overloaded();
			return page as Page<T>;
		};
	const lists = {
		repositories: known("repositories"),
		runs: known("runs"),
		pools: known("pools"),
		tokens: known("tokens"),
		audit: known("audit"),
	} satisfies Pick<Services["readModel"], PagedList>;
	return { ...services, readModel: { ...services.readModel, ...lists } };
}
