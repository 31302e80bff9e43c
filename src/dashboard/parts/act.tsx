// Something that a person does from the page: with a reason where one helps, once however often it is clicked, and what the server
// refused is said and undone.
import { useSignal } from "@preact/signals";
import { ProblemError } from "../../client/call-failure.ts";
import { takeFocus } from "./focus.ts";

interface ActProps {
	label: string;
	/** What to ask for before; null: nothing. */
	reason: string | null;
	/** `reason` null where none was given. */
	act: (reason: string | null) => Promise<void>;
	/** The key of the page's list that does it. */
	shortcut?: string;
}

export function Act({ label, reason, act, shortcut }: ActProps) {
	const isOpen = useSignal(false);
	const isBusy = useSignal(false);
	const text = useSignal("");
	const refusal = useSignal<string | null>(null);
	const go = async () => {
		if (isBusy.value) return;
		isBusy.value = true;
		refusal.value = null;
		try {
			await act(text.value.trim() === "" ? null : text.value.trim());
			isOpen.value = false;
			text.value = "";
		} catch (cause) {
			refusal.value =
				cause instanceof ProblemError ? cause.detail : "The server did not answer; nothing is known of it.";
		}
		isBusy.value = false;
	};
	const begin = () => {
		if (reason === null) void go();
		else isOpen.value = !isOpen.value;
	};
	return (
		<span class="act">
			<button
				type="button"
				data-shortcut={shortcut}
				disabled={isBusy.value}
				aria-expanded={isOpen.value}
				onClick={begin}
			>
				{label}
			</button>
			{isOpen.value ? (
				<form
					class="line"
					onSubmit={(event) => {
						event.preventDefault();
						void go();
					}}
				>
					<label>
						{reason}
						<input
							ref={takeFocus}
							maxLength={500}
							value={text.value}
							onInput={({ currentTarget }) => {
								text.value = currentTarget.value;
							}}
							onKeyDown={({ key }) => {
								if (key === "Escape") isOpen.value = false;
							}}
						/>
					</label>
					<button type="submit" disabled={isBusy.value}>
						{label}
					</button>
				</form>
			) : null}
			{refusal.value === null ? null : (
				<span class="notice bad" role="alert">
					{refusal.value}
				</span>
			)}
		</span>
	);
}
