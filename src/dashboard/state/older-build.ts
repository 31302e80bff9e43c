// A page that was opened before a deploy asks for parts that the server has no more.
const reloadedKey = "spillway-reloaded-for-a-part";
/** A second failure so soon is no older build. */
const againMs = 60_000;

/** The part; where it is gone the page is loaded anew, once, where the person is. */
export async function orAnew<T>(part: Promise<T>): Promise<T> {
	try {
		return await part;
	} catch (cause) {
		if (Date.now() - Number(sessionStorage.getItem(reloadedKey) ?? 0) < againMs) throw cause;
		sessionStorage.setItem(reloadedKey, String(Date.now()));
		location.reload();
		return new Promise(() => undefined);
	}
}
