// Why a sign-in does not come to a person, as a value. The door says what each looks like to whoever signs in.

export type SignInRefusal =
	/** The person, or the issuer's own rules, said no. `error` is the issuer's word, checked to be one. */
	| { code: "sign-in-denied"; error: string }
	/** The code was used before, is too old, or is another sign-in's. */
	| { code: "code-refused" }
	/** The issuer does not know this installation, its secret or its address: nobody but the operator can mend that. */
	| { code: "client-refused"; error: string }
	/** What came back is of another issuer than the one that was asked. */
	| { code: "issuer-mixed" }
	/** Something of what the issuer said of the person does not hold. `why` has no value of a token in it. */
	| { code: "identity-invalid"; why: string };

export type SignedIn<T> = { ok: true; value: T } | { ok: false; refusal: SignInRefusal };

export function refuseSignIn(refusal: SignInRefusal): { ok: false; refusal: SignInRefusal } {
	return { ok: false, refusal };
}

/** An issuer's word for an error, as RFC 6749 lets it be written; anything else is none that we repeat. */
export function errorWord(word: unknown): string {
	return typeof word === "string" && /^[A-Za-z][\w.-]{0,59}$/.test(word) ? word : "unknown";
}
