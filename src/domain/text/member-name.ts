// How a member is named before and after somebody is known by that name: a person by the id that we gave, or by what an issuer
// vouches for, an e-mail address or a login. The three forms never meet: only a login has a colon, only an address has none and an @.

const personPattern = /^pe[a-z2-7]{24}$/;
const emailPattern = /^[A-Za-z0-9.!#$%&'*+/=?^_{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/;
const loginOnlyPattern = /^[A-Za-z0-9_.@+-]{1,100}$/;
/** The last colon parts them, since an issuer may be a URL. */
const loginPattern = /^([A-Za-z0-9][A-Za-z0-9._~:/-]{0,199}):([A-Za-z0-9_.@+-]{1,100})$/;

export function isPersonId(text: string): boolean {
	return personPattern.test(text);
}

/** As it is kept: addresses and logins in small letters. Null: it names nobody. */
export function readMemberName(text: string): string | null {
	if (personPattern.test(text)) return text;
	if (emailPattern.test(text)) return text.toLowerCase();
	const [, issuer, login] = loginPattern.exec(text) ?? [];
	return issuer === undefined || login === undefined ? null : `${issuer}:${login.toLowerCase()}`;
}

/** The names by which somebody whom an issuer vouches for may have been invited. `email`: null unless it is verified. */
export function claimsOf(by: { issuer: string; login: string | null; email: string | null }): string[] {
	// A colon in it would make another issuer of this one.
	const hasLogin = by.login !== null && loginOnlyPattern.test(by.login);
	const names = [by.email, hasLogin ? `${by.issuer}:${by.login}` : null];
	return names
		.flatMap((name) => (name === null ? [] : (readMemberName(name) ?? [])))
		.filter((name) => !isPersonId(name));
}
