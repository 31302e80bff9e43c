/** A part of an address as what it names; null: it is no encoding of anything. */
export function decodedPart(part: string): string | null {
	try {
		return decodeURIComponent(part);
	} catch {
		return null;
	}
}
