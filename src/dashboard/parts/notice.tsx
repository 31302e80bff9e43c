// What a page says when all is not as it should be: it shows what it has, and how old that is.
import { ProblemError } from "../../client/call-failure.ts";
import { Ago } from "./time.tsx";

export function FailureNotice({ failure, what }: { failure: Error | null; what: string }) {
	if (failure === null) return null;
	return (
		<p class="notice bad" role="alert">
			{what} could not be loaded: {failure instanceof ProblemError ? failure.detail : failure.message}
		</p>
	);
}

export function StaleNotice({ page }: { page: { stale: boolean; asOf: string } | null }) {
	if (!page?.stale) return null;
	return (
		<p class="notice" role="status">
			This list may be out of date: it was so <Ago at={page.asOf} />.
		</p>
	);
}

export function Trouble({ text }: { text: string | null }) {
	return text === null ? null : (
		<p class="notice" role="status">
			{text}
		</p>
	);
}
