// What may name a place, a ref and a commit to git. The API and the runner both ask here, so what was accepted can be checked
// out. For refs it is the rule of `git check-ref-format --allow-onelevel`, and one thing more.

export const commitIdPattern = /^[0-9a-f]{40}$/;

export const refNameRule =
	"the name of a ref as git check-ref-format takes it: no space, control character or any of ~^:?*[\\, no `..`, `@{` or `//`, " +
	"no part that begins with a dot or ends with `.lock`, no slash at either end, no dot at the end, not `@` alone; and no dash first";

/** Space, DEL and everything below, and what means something in a revision or a refspec. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: git names them.
const forbidden = /[\u0000-\u0020\u007f~^:?*[\\]|\.\.|@\{/;

/** A branch or tag, or a full name. Never an option: git's rule lets a name begin with a dash, its programs do not. */
export function isRefName(text: string): boolean {
	if (text === "@" || text.startsWith("-") || text.endsWith(".") || forbidden.test(text)) return false;
	return text.split("/").every((part) => part !== "" && !part.startsWith(".") && !part.endsWith(".lock"));
}

/** http, https, ssh, git, file and scp-like addresses: git knows others that run commands, and takes a dash for an option. */
export function isCloneUrl(text: string): boolean {
	if (/^\w[\w.-]*@\w[\w.-]*:[^\s\p{Cc}]+$/u.test(text)) return true;
	if (!/^(https?|ssh|git):\/\/[^/\\]|^file:\/\/\//.test(text) || /[\s\p{Cc}]/u.test(text)) return false;
	const url = URL.parse(text);
	return url !== null && !url.hostname.startsWith("-") && !url.username.startsWith("-");
}

/** Over http even a bare name may be one. */
export function hasCredentials(cloneUrl: string): boolean {
	const url = URL.parse(cloneUrl);
	return url !== null && (url.password !== "" || (url.protocol.startsWith("http") && url.username !== ""));
}
