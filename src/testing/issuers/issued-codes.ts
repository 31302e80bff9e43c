// The codes that a local issuer gave out, and how one is taken back: by PKCE, S256.
import { createHash } from "node:crypto";

/** What was issued under the form's code, which is good once and for whoever has its verifier; null: nothing. */
export function takeCode<Issued extends { challenge: string; redirectUri: string }>(
	codes: Map<string, Issued>,
	form: URLSearchParams,
): Issued | null {
	const code = form.get("code") ?? "";
	const issued = codes.get(code);
	codes.delete(code);
	const challenge = createHash("sha256")
		.update(form.get("code_verifier") ?? "")
		.digest("base64url");
	if (!issued || issued.challenge !== challenge || issued.redirectUri !== form.get("redirect_uri")) return null;
	return issued;
}
