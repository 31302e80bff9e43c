// Who looks at the page, as the server says it: undefined until it has said so, null for nobody.
import { signal } from "@preact/signals";
import type { ShownCaller } from "../../contracts/http/session.ts";

/** Proves that a request is this page's: another page cannot send it. */
export const ownHeader = { name: "Spillway-Request", value: "1" } as const;

export const whoLooks = signal<ShownCaller | null | undefined>(undefined);

const headers = { [ownHeader.name]: ownHeader.value, "content-type": "application/json" };

export async function loadSession(): Promise<void> {
	const answer = await fetch("/v1/session", { credentials: "same-origin" }).catch(() => null);
	if (answer?.ok) whoLooks.value = (await answer.json()) as ShownCaller;
	else if (answer === null || answer.status >= 500 || answer.status === 429)
		setTimeout(() => void loadSession(), 2_000);
	else whoLooks.value = null;
}

/** Null when the token opened a session; else why not. */
export async function signInByToken(token: string): Promise<string | null> {
	const body = JSON.stringify({ token });
	const answer = await fetch("/v1/session", { method: "POST", headers, body }).catch(() => null);
	if (answer === null) return "The server does not answer.";
	if (answer.ok) {
		await loadSession();
		return null;
	}
	const problem = (await answer.json().catch(() => null)) as { detail?: string } | null;
	return problem?.detail ?? `The server refused it with ${answer.status}.`;
}

export async function signOut(): Promise<void> {
	await fetch("/v1/session", { method: "DELETE", headers }).catch(() => null);
	whoLooks.value = null;
}

/** A call of the page was answered with 401: the session has ended. */
export function noteUnauthorized(): void {
	whoLooks.value = null;
}

/** A connection did not come: a socket is told no reason, and the session may have ended elsewhere. */
export async function noteLostConnection(): Promise<void> {
	const answer = await fetch("/v1/session", { credentials: "same-origin" }).catch(() => null);
	if (answer?.status === 401) noteUnauthorized();
}
