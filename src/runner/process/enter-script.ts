// What a wrapped step begins with inside its sandbox or container: it takes the job's variables from a FIFO in the job's folder,
// so that whatever wraps the step never has them, and no list of processes and no disk shows them.
import { quoted } from "./shell-quote.ts";

/** Of a shell's own making: a step begins without them, as it does where nothing wraps it. */
const shellNames = ["_", "OLDPWD", "PERL_BADLANG", "PWD", "SHLVL"];

/**
 * Bash; its arguments are the FIFO and the step's script. The variables named in \`wrapperNames\` are the wrapper's and go; others,
 * as an image's own, stay. Perl sets each variable as it is. An image without Perl leaves it to bash, which keeps some names to
 * itself (\`UID\`, \`EUID\`, \`PPID\`, \`GROUPS\`, \`SHELLOPTS\` and the like).
 */
export function enterScript(wrapperNames: string[]): string {
	const names = [...shellNames, ...wrapperNames].map(quoted).join(" ");
	return `fifo=$1 script=$2
if command -v perl >/dev/null; then
	export PERL_BADLANG=0
	exec perl -e '
		my ($bash, $fifo, $script, @names) = @ARGV;
		open(my $pairs, "<", $fifo) or die "the variables of this job cannot be had: $!\\n";
		local $/ = "\\0";
		delete @ENV{@names};
		while (<$pairs>) { chomp; my ($name, $value) = split /=/, $_, 2; $ENV{$name} = $value }
		close $pairs;
		exec {$bash} $bash, "-e", "-o", "pipefail", $script or die "$bash: $!\\n";
	' "$BASH" "$fifo" "$script" ${names}
fi
set -- ${names}
for name; do unset -v "$name" 2>/dev/null; done
unset name
while IFS= read -r -d '' pair; do export "$pair"; done 2>/dev/null <"$fifo"
exec "$BASH" -e -o pipefail "$script"
`;
}
