// Finds a text in all of a log, on the server: pages of finds as far as the person goes, and a count that grows while it looks on.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { everyItem } from "../../client/client.ts";
import { takeFocus } from "../parts/focus.ts";
import { client } from "../state/api.ts";
import type { LogPlace } from "./shown-log.ts";

/** Beyond it the count says "and more": whoever has so many finds looks for something else. */
const findsMax = 1_000;

interface LogFindProps {
	place: LogPlace;
	show: (line: number) => void;
	close: () => void;
}

export function LogFind({ place, show, close }: LogFindProps) {
	const query = useSignal("");
	const lines = useSignal<number[]>([]);
	const at = useSignal(-1);
	const state = useSignal<"idle" | "looking" | "done" | "more" | "failed">("idle");
	useEffect(() => {
		const wanted = query.value;
		lines.value = [];
		at.value = -1;
		state.value = wanted === "" ? "idle" : "looking";
		if (wanted === "") return;
		const stop = new AbortController();
		const timer = setTimeout(() => void look(wanted, stop.signal), 150);
		return () => {
			clearTimeout(timer);
			stop.abort();
		};
	}, [query.value]);

	async function look(wanted: string, stop: AbortSignal): Promise<void> {
		const { name, job, attempt } = place;
		const page = (cursor: string | undefined) =>
			client.attempts.search(name, { job, attempt }, { q: wanted, limit: 100, cursor });
		try {
			for await (const { line } of everyItem(page)) {
				if (stop.aborted) return;
				lines.value = [...lines.value, line];
				if (at.value < 0) step(1);
				if (lines.value.length < findsMax) continue;
				state.value = "more";
				return;
			}
			state.value = "done";
		} catch {
			if (!stop.aborted) state.value = "failed";
		}
	}

	function step(by: number): void {
		const { length } = lines.value;
		if (length === 0) return;
		at.value = (at.value + by + length) % length;
		const line = lines.value[at.value];
		if (line !== undefined) show(line);
	}

	const count = lines.value.length;
	const said = {
		idle: "",
		looking: `${count} so far`,
		done: count === 0 ? "nothing found" : `${at.value + 1} of ${count}`,
		more: `${at.value + 1} of more than ${count}`,
		failed: "the search failed",
	}[state.value];
	return (
		<search>
			<form
				class="line find"
				onSubmit={(event) => {
					event.preventDefault();
					step(1);
				}}
			>
				<label>
					<span class="hidden">Find in the whole log</span>
					<input
						ref={takeFocus}
						placeholder="Find in the whole log"
						maxLength={256}
						value={query.value}
						onInput={({ currentTarget }) => {
							query.value = currentTarget.value;
						}}
						onKeyDown={(event) => {
							if (event.key === "Escape") close();
							else if (event.key === "Enter" && event.shiftKey) step(-1);
							else return;
							event.preventDefault();
						}}
					/>
				</label>
				<span class="number" role="status">
					{said}
				</span>
				<button type="button" onClick={() => step(-1)} aria-label="The one before">
					↑
				</button>
				<button type="submit" aria-label="The next one">
					↓
				</button>
				<button type="button" onClick={close}>
					Close
				</button>
			</form>
		</search>
	);
}
