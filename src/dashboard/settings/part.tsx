// One part of the settings: its list, or why it is not to be had, and a form below it.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { ProblemError } from "../../client/call-failure.ts";
import { FailureNotice } from "../parts/notice.tsx";
import type { Resource } from "../state/resource.ts";

interface PartProps<T> {
	title: string;
	list: Resource<T>;
	/** Said where the list is empty. */
	none: string;
	items: (value: T) => ComponentChildren[];
	children?: ComponentChildren;
}

export function Part<T>({ title, list, none, items, children }: PartProps<T>) {
	const failure = list.failure.value;
	const { value } = list.value;
	const rows = value === null ? null : items(value);
	// Not a fault: the role does not reach so far.
	const isForbidden = failure instanceof ProblemError && (failure.status === 403 || failure.status === 404);
	return (
		<section class="part" aria-label={title}>
			<h2>{title}</h2>
			{isForbidden ? <p class="empty">{failure.detail}</p> : <FailureNotice failure={failure} what={title} />}
			{rows?.length === 0 ? <p class="empty">{none}</p> : null}
			{rows === null || rows.length === 0 ? null : <ul class="rows">{rows}</ul>}
			{isForbidden ? null : children}
		</section>
	);
}

export interface Field {
	name: string;
	label: string;
	/** What is typed is not shown. */
	isHidden?: boolean;
	/** What may be chosen; absent: anything may be typed. */
	choices?: readonly string[];
	isOptional?: boolean;
}

function Control({ name, isHidden = false, choices, isOptional = false }: Field) {
	const rest = { name, required: !isOptional, autocomplete: "off" } as const;
	if (choices === undefined) return isHidden ? <input type="password" {...rest} /> : <input {...rest} />;
	return (
		<select name={name}>
			{choices.map((choice) => (
				<option key={choice}>{choice}</option>
			))}
		</select>
	);
}

/** Empties itself once it was taken; what the server refused is said, and stays to be mended. */
export function AddForm({
	fields,
	label,
	add,
}: {
	fields: readonly Field[];
	label: string;
	add: (values: Record<string, string>) => Promise<void>;
}) {
	const refusal = useSignal<string | null>(null);
	const isBusy = useSignal(false);
	const send = async (form: HTMLFormElement) => {
		isBusy.value = true;
		refusal.value = null;
		try {
			await add(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])));
			form.reset();
		} catch (cause) {
			refusal.value =
				cause instanceof ProblemError ? cause.detail : "The server did not answer; nothing is known of it.";
		}
		isBusy.value = false;
	};
	return (
		<form
			class="line"
			onSubmit={(event) => {
				event.preventDefault();
				void send(event.currentTarget);
			}}
		>
			{fields.map((field) => (
				// biome-ignore lint/a11y/noLabelWithoutControl: it is in `Control`.
				<label key={field.name}>
					{field.label}
					<Control {...field} />
				</label>
			))}
			<button type="submit" disabled={isBusy.value}>
				{label}
			</button>
			{refusal.value === null ? null : (
				<span class="notice bad" role="alert">
					{refusal.value}
				</span>
			)}
		</form>
	);
}

/** `a, b c` as its words; none: undefined. */
export function wordsOf(text: string | undefined): string[] | undefined {
	const words = (text ?? "").split(/[\s,]+/).filter((word) => word !== "");
	return words.length === 0 ? undefined : words;
}
