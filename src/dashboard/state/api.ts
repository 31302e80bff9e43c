// The API as the page calls it: by the session's cookie, with the header that proves that no other page sent the request.
import { createClient } from "../../client/client.ts";
import { noteUnauthorized, ownHeader } from "./session.ts";

const send: typeof fetch = async (input, init) => {
	const headers = new Headers(init?.headers);
	headers.set(ownHeader.name, ownHeader.value);
	const answer = await fetch(input, { ...init, headers, credentials: "same-origin" });
	if (answer.status === 401) noteUnauthorized();
	return answer;
};

/** A person waits: what fails for two seconds is said, and tried again when the person or the page's own clock asks. */
export const client = createClient({
	url: location.origin,
	token: null,
	fetch: send,
	retry: { deadlineMs: 2_000, initialMs: 200 },
});
