// What git asks for a user and a password. The token comes from the environment, so it is in no URL, no argument and no file;
// and only the host of the clone URL gets it, not one that a submodule names: the question must end with that host, since a
// user's name, or a path that git is set to tell, may read like anything.
import { quoted } from "../process/shell-quote.ts";

export function askpassScript(cloneUrl: string): string {
	const [, scheme, host] = /^(https?:\/\/)(?:[^/@]*@)?([^/]+)/.exec(cloneUrl) ?? [];
	if (scheme === undefined) return "#!/bin/sh\nexit 1\n";
	const asksFor = (what: string) => quoted(`${what} for '${scheme}`);
	const atEnd = quoted(`@${host}': `);
	return `#!/bin/sh
case "$1" in
	${asksFor("Username")}${quoted(`${host}': `)}) printf '%s\\n' "\${SPILLWAY_GIT_USER:-x-access-token}" ;;
	${asksFor("Password")}*/*${atEnd}) exit 1 ;;
	${asksFor("Password")}*${atEnd}) printf '%s\\n' "$SPILLWAY_GIT_TOKEN" ;;
	*) exit 1 ;;
esac
`;
}
