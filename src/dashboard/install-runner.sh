#!/bin/sh
# Makes this machine a runner of {{server}}: fetches that server's own command line, checks its digest, keeps it below ~/.spillway,
# and starts it. What is said after `sh -s --` goes to `spillway runner start`.
# All in one function, so that a download which breaks off runs nothing.
main() {
	set -eu
	server='{{server}}'
	digest='{{digest}}'
	home="${SPILLWAY_HOME:-$HOME/.spillway}"
	fail() {
		echo "spillway: $1" >&2
		exit 1
	}
	command -v node >/dev/null || fail "a runner needs Node 20 or later; there is no node in PATH"
	node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' ||
		fail "a runner needs Node 20 or later; this is $(node --version)"
	file="$home/spillway-$digest.mjs"
	if [ ! -f "$file" ]; then
		command -v curl >/dev/null || fail "there is no curl in PATH"
		mkdir -p "$home"
		part="$file.$$"
		trap 'rm -f "$part"' EXIT
		curl -fsSL "$server/install/spillway.js" -o "$part" || fail "$server did not give its command line"
		found=$(node -e 'console.log(require("crypto").createHash("sha256").update(require("fs").readFileSync(process.argv[1])).digest("hex"))' "$part")
		[ "$found" = "$digest" ] || fail "what $server gave is not what it said: its digest is $found"
		mv "$part" "$file"
		trap - EXIT
	fi
	SPILLWAY_URL="${SPILLWAY_URL:-$server}"
	export SPILLWAY_URL
	exec node "$file" runner start "$@" </dev/null
}
main "$@"
