// Who somebody is, as an issuer said and we verified: what a door hands to the sign-in.

/** `issuer` and `subject` together are the person; everything else may change from one sign-in to the next. */
export interface VerifiedPerson {
	/** The name that this installation has for the issuer, not its address. */
	issuer: string;
	/** What the issuer calls the person for ever. */
	subject: string;
	/** What the issuer calls the person at present; null where it has no such names. */
	login: string | null;
	/** Only what the issuer says that it has verified. */
	email: string | null;
	/** For showing alone. */
	name: string | null;
}
