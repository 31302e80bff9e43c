// The keys of every page: rows, failures, the filter, acts, the list of them. Whoever types into a field types, and nothing else.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { takeFocus } from "./focus.ts";
import { isPaletteOpen } from "./palette.tsx";

const isHelpOpen = signal(false);

const keys: [string, string][] = [
	["j k", "next and previous row"],
	["Enter", "open the row"],
	["f F", "next and previous failure"],
	["/", "filter"],
	["g G", "first and last line of the log"],
	["w", "wrap the log's lines"],

	["Ctrl F", "find in the whole log; once more: the browser's own"],
	["r x", "retry what failed, cancel"],
	["Ctrl K", "go anywhere"],
	["?", "this list"],
];

export function Keyboard() {
	useEffect(() => {
		document.addEventListener("keydown", press);
		return () => document.removeEventListener("keydown", press);
	}, []);
	if (!isHelpOpen.value) return null;
	return (
		<dialog open class="help" aria-label="Keys">
			<h2>Keys</h2>
			<dl>
				{keys.map(([key, does]) => (
					<div key={key}>
						<dt>
							<kbd>{key}</kbd>
						</dt>
						<dd>{does}</dd>
					</div>
				))}
			</dl>
			<button
				type="button"
				ref={takeFocus}
				onClick={() => {
					isHelpOpen.value = false;
				}}
			>
				Close
			</button>
		</dialog>
	);
}

function press(event: KeyboardEvent): void {
	if (event.defaultPrevented || event.altKey) return;
	if ((event.ctrlKey || event.metaKey) && event.key === "k") {
		isPaletteOpen.value = true;
		event.preventDefault();
		return;
	}
	if (event.key === "Escape") {
		isHelpOpen.value = false;
		isPaletteOpen.value = false;
		return;
	}
	if (event.ctrlKey || event.metaKey || isTyping(event.target)) return;
	const act = actions[event.key];
	if (act === undefined) return;
	act();
	event.preventDefault();
}

const actions: Record<string, () => void> = {
	j: () => step("[data-row]", 1),
	k: () => step("[data-row]", -1),
	f: () => step("[data-row][data-bad]", 1),
	F: () => step("[data-row][data-bad]", -1),
	"/": () => document.querySelector<HTMLElement>("[data-filter]")?.focus(),
	...Object.fromEntries(["g", "G", "w", "t", "r", "x"].map((key) => [key, () => clickFor(key)])),
	"?": () => {
		isHelpOpen.value = !isHelpOpen.value;
	},
};

/** The button that says it is this key's. */
function clickFor(key: string): void {
	document.querySelector<HTMLElement>(`[data-shortcut="${key}"]`)?.click();
}

/** From the row that has the focus, else from the one that is shown. */
function step(selector: string, by: 1 | -1): void {
	const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
	const present = document.activeElement as HTMLElement | null;
	const shown = rows.findIndex((row) => row.getAttribute("aria-current") === "true");
	const from = present !== null && rows.includes(present) ? rows.indexOf(present) : shown;
	for (let at = from + by; at >= 0 && at < rows.length; at += by) {
		if (!rows[at]?.matches(selector)) continue;
		rows[at]?.focus();
		return;
	}
}

function isTyping(target: EventTarget | null): boolean {
	return target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}
