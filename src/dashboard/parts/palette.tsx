// Go anywhere by a few letters of its name: repositories and pools of my owners, and the pages that each has.
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useLocation } from "preact-iso/router";
import { client } from "../state/api.ts";
import { whoLooks } from "../state/session.ts";
import { takeFocus } from "./focus.ts";
import { matchLetters } from "./letters.ts";

export const isPaletteOpen = signal(false);
const shownMax = 12;

interface Place {
	text: string;
	href: string;
}

export function Palette() {
	return isPaletteOpen.value ? <OpenPalette /> : null;
}

function OpenPalette() {
	const { route, path } = useLocation();
	const text = useSignal("");
	const chosen = useSignal(0);
	const places = useSignal<Place[]>([{ text: "All repositories", href: "/" }]);
	useEffect(() => {
		void load(path).then((found) => {
			places.value = [...places.value, ...found];
		});
	}, []);
	const found = places.value
		.map((place) => ({ place, score: matchLetters(text.value, place.text) }))
		.filter(({ score }) => score !== null)
		.sort((a, b) => (a.score ?? 0) - (b.score ?? 0))
		.slice(0, shownMax);
	const go = (place: Place | undefined) => {
		isPaletteOpen.value = false;
		if (place !== undefined) route(place.href);
	};
	return (
		<dialog open class="palette" aria-label="Go to">
			<label>
				<span class="hidden">Go to</span>
				<input
					ref={takeFocus}
					placeholder="Go to…"
					value={text.value}
					onInput={({ currentTarget }) => {
						text.value = currentTarget.value;
						chosen.value = 0;
					}}
					onKeyDown={(event) => {
						if (event.key === "Enter") go(found[chosen.value]?.place);
						else if (event.key === "ArrowDown") chosen.value = Math.min(found.length - 1, chosen.value + 1);
						else if (event.key === "ArrowUp") chosen.value = Math.max(0, chosen.value - 1);
						else return;
						event.preventDefault();
					}}
				/>
			</label>
			<ul>
				{found.map(({ place }, at) => (
					<li key={place.href}>
						<a
							href={place.href}
							aria-current={at === chosen.value ? "true" : undefined}
							onClick={() => {
								isPaletteOpen.value = false;
							}}
						>
							{place.text}
						</a>
					</li>
				))}
			</ul>
		</dialog>
	);
}

/** What cannot be had is not there. */
async function load(path: string): Promise<Place[]> {
	const here = path.split("/")[1] ?? "";
	const owners = new Set(whoLooks.value?.owners.map(({ owner }) => owner));
	if (here !== "" && here !== "operator") owners.add(decodeURIComponent(here));
	const lists = [...owners].map(async (owner) => {
		const [repositories, pools] = await Promise.all([
			client.repositories.list(owner, { limit: 100 }).catch(() => null),
			client.pools.list(owner, { limit: 100 }).catch(() => null),
		]);
		return [
			...(repositories?.items ?? []).map(({ repo }) => ({ text: `${owner}/${repo}`, href: `/${owner}/${repo}` })),
			...(pools?.items ?? []).map(({ pool }) => ({ text: `${owner} pool ${pool}`, href: `/${owner}/pools/${pool}` })),
			{ text: `${owner} settings`, href: `/${owner}/settings` },
		];
	});
	return (await Promise.all(lists)).flat();
}
