// For whoever is not known yet: an issuer where the server has one, or a token.
import { useSignal } from "@preact/signals";
import { signInByToken } from "../state/session.ts";

export function SignInPage() {
	const token = useSignal("");
	const refusal = useSignal<string | null>(null);
	const send = async (event: Event) => {
		event.preventDefault();
		refusal.value = await signInByToken(token.value.trim());
	};
	const back = encodeURIComponent(location.pathname + location.search + location.hash);
	return (
		<main class="sign-in" id="main">
			<h1>Spillway</h1>
			<p>
				<a class="button" href={`/auth/sign-in?return=${back}`}>
					Sign in
				</a>
			</p>
			<form onSubmit={(event) => void send(event)}>
				<label>
					Or open a session with a token
					<input
						type="password"
						name="token"
						autocomplete="off"
						value={token.value}
						onInput={({ currentTarget }) => {
							token.value = currentTarget.value;
						}}
					/>
				</label>
				<button type="submit">Open</button>
			</form>
			{refusal.value === null ? null : (
				<p class="notice bad" role="alert">
					{refusal.value}
				</p>
			)}
		</main>
	);
}
