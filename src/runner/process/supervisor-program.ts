// The Perl program that starts, contains and ends the processes of jobs. One file of it, five parts that it may play:
//
//   starter   one for each runner, as long as that lives: forks a leader for each job, and ends what a dead leader left
//   (leader)  one for each job: starts its steps one after the other, and ends all of it; never in the job's cgroup
//   guard     one for each exclusive job: ends it when it is not told in time that it may go on
//   end       ends the job of a runner that died
//   probe     says what this machine allows
//
// It is read from standard input, so that no list of processes shows it, and talks to the runner by descriptor 3.
import { membersProgram } from "./supervisor-members.ts";

const leaderProgram = String.raw`
my @trapped = qw(TERM INT HUP QUIT USR1 USR2 ALRM PIPE CHLD);

sub write_all {
	my ($file, $text) = @_;
	while (length $text) {
		my $length = syswrite($file, $text);
		next if !defined $length && $!{EINTR};
		return 0 unless $length;
		substr($text, 0, $length, '');
	}
	return 1;
}

# Forks, with the new process in the job's cgroup from its first moment. To move one there later makes the kernel wait for all
# its processors, 10 ms and more: that is for kernels without clone3 (before 5.7), and where a filter forbids it.
my $entered = 1;
sub fork_into {
	my ($cgroup) = @_;
	return fork unless $cgroup;
	if (sysopen(my $folder, $cgroup, O_RDONLY | O_DIRECTORY)) {
		# struct clone_args: CLONE_INTO_CGROUP, and SIGCHLD at the end as after a fork. 435 is its number everywhere.
		my $words = pack('Q11', 1 << 33, 0, 0, 0, 17, 0, 0, 0, 0, 0, fileno $folder);
		my $pid = syscall(435, $words, length $words);
		return $pid if $pid >= 0;
	}
	my $pid = fork;
	return $pid if $pid || !defined $pid;
	$entered = put("$cgroup/cgroup.procs", "0\n");
	return 0;
}

# Runs in a step's own process: never returns.
sub become_step {
	my ($f, $status, $words, $env) = @_;
	$SIG{$_} = 'DEFAULT' for @trapped;
	my $fault = sub { write_all($status, "fault $_[0]: $!\n"); POSIX::_exit(127) };
	$entered or $fault->('it cannot be put into its cgroup');
	# A description of its own: what one step sets on it no other step sees.
	sysopen(my $output, $f->{output}, O_WRONLY) or $fault->('it cannot open its output');
	POSIX::dup2(fileno $output, $_) for 1, 2;
	%ENV = %$env;
	exec {$words->[0]} @$words or $fault->("$words->[0] cannot be started");
}

# Hands the environment to a step inside its sandbox or container, which has nothing else of the runner's but its folder.
sub hand_in {
	my ($f, $fifo, $env) = @_;
	unlink $fifo;
	POSIX::mkfifo($fifo, 0600) or return undef;
	my $pid = fork_into($f->{cgroup});
	return $pid if $pid || !defined $pid;
	$SIG{$_} = 'DEFAULT' for @trapped;
	# The folder is the job's: it may have put there a link to a file that is none of its own.
	my $pipe;
	POSIX::_exit(1) unless sysopen($pipe, $fifo, O_WRONLY | O_NOFOLLOW) && -p $pipe;
	write_all($pipe, join('', map { "$_=$env->{$_}\0" } keys %$env));
	POSIX::_exit(0);
}

# One line in: "run <step> <commit>", "term", "kill", "leave <milliseconds>". One line out: the process's number,
# then each step's exit status, or "fault" and why; "over" when nothing of the job is left.
sub lead {
	my ($f) = @_;
	POSIX::setsid();
	$SIG{$_} = sub {} for @trapped;
	become_subreaper() if $f->{kind} ne 'group';
	$0 = 'spillway-job';
	sysopen(my $control, $f->{control}, O_RDONLY) or POSIX::_exit(1);
	sysopen(my $status, $f->{status}, O_WRONLY) or POSIX::_exit(1);
	# Between two steps the output must not seem to be at its end.
	sysopen(my $output, $f->{output}, O_WRONLY) or POSIX::_exit(1);
	my $say = sub { write_all($status, "$_[0]\n") };
	chdir $f->{cwd} or do { $say->("fault $f->{cwd} cannot be entered: $!"); POSIX::_exit(1) };
	my $job = job_of(@$f{qw(kind cgroup mark)}, $$, '');
	my ($step, $writer, $fifo) = (0, 0, $f->{scripts} =~ s{[^/]+$}{env.fifo}r);
	my $heard = sub {
		my ($pid, $code) = @_;
		$writer = 0 if $pid == $writer;
		return if $pid != $step;
		$step = 0;
		kill KILL => $writer if $writer;
		unlink $fifo if $f->{wrapper} ne '';
		$say->($code & 127 ? 128 + ($code & 127) : $code >> 8);
	};
	my $run = sub {
		my ($name, $commit) = @_;
		my %env = %{$f->{job}};
		$env{SPILLWAY_COMMIT} = $commit if $commit;
		my @words = ($f->{bash}, '-e', '-o', 'pipefail', "$f->{scripts}/$name.sh");
		my $env = \%env;
		if ($f->{wrapper} ne '') {
			$writer = hand_in($f, $fifo, \%env) or return $say->("fault its environment cannot be handed in: $!");
			my @inside = ('bash', "$f->{scripts}/enter.bash", $fifo, $words[-1]);
			@words = ($f->{bash}, '-c', $f->{wrapper}, 'spillway-wrap', @inside);
			$env = $f->{wrap};
		}
		my $pid = fork_into($f->{cgroup});
		return $say->("fault no process can be started: $!") unless defined $pid;
		become_step($f, $status, \@words, $env) if $pid == 0;
		$step = $pid;
	};
	my $leave = sub {
		my $until = now() + $_[0] / 1000;
		while (now() < $until) {
			my $is_childless = reap($heard);
			last if $f->{kind} eq 'group' ? !members($job) : $is_childless && !($f->{cgroup} && is_populated($f->{cgroup}));
			select(undef, undef, undef, 0.01);
		}
		my (undef, $left) = end_members($job, $heard);
		$say->($left ? 'left' : 'over');
		POSIX::_exit(0);
	};
	$say->($$);
	my $text = '';
	while (1) {
		reap($heard);
		vec(my $ready = '', fileno $control, 1) = 1;
		# A child's end interrupts this wait; one in the moment before it began is heard a little later.
		next unless select($ready, undef, undef, $step ? 0.1 : 5) > 0;
		my $length = sysread($control, $text, 4096, length $text);
		next if !defined $length && $!{EINTR};
		# The runner is dead.
		if (!$length) { end_members($job, $heard); POSIX::_exit(0) }
		while ($text =~ s/^([^\n]*)\n//) {
			my ($what, @words) = split / /, $1;
			if ($what eq 'run') { $run->(@words) }
			elsif ($what eq 'term') { kill TERM => members($job) }
			elsif ($what eq 'kill') { end_members($job, $heard) }
			elsif ($what eq 'leave') { $leave->(@words) }
		}
	}
}
`;

const starterProgram = String.raw`
# Fields end with a zero byte. A list begins with the number of its pairs.
sub fields_of {
	my @field = split /\0/, $_[0], -1;
	my $f = {};
	$f->{$_} = shift @field for qw(what pid started kind cgroup mark);
	return $f if $f->{what} ne 'start';
	$f->{$_} = shift @field for qw(control status output cwd scripts bash wrapper);
	for my $name (qw(job wrap)) {
		my $pairs = shift @field;
		$f->{$name} = {splice @field, 0, 2 * $pairs};
	}
	return $f;
}

sub start_jobs {
	my ($kind) = @_;
	open(my $runner, '+<&=', 3) or exit 1;
	# What the runner was started with is not the jobs'.
	if (opendir(my $open, '/dev/fd')) { $_ > 3 && POSIX::close($_) for grep { /^\d+$/ } readdir $open }
	my $reaps = $kind ne 'group' && become_subreaper();
	POSIX::setsid();
	$SIG{$_} = sub {} for @trapped;
	$0 = 'spillway-starter';
	# Leaders and what is known of their jobs; processes that end a job, and the leader of that.
	my (%leader, %ender, @answers);
	my $orphaned = 0;
	my $heard = sub {
		my ($pid, $code) = @_;
		if (my $ended = delete $ender{$pid}) { push @answers, {pid => $ended, until => now() + $end_seconds} }
		elsif ($leader{$pid}) { $leader{$pid}{fresh} = 1; $orphaned = 1 if $code }
		else { $orphaned = 1 }
	};
	# Whatever comes to be this process's child without having been started by it was left by a leader that was killed.
	my $kill_orphans = sub {
		my $table = table();
		my @orphan = grep { $table->{$_}{parent} == $$ && !$leader{$_} && !$ender{$_} } keys %$table;
		kill KILL => @orphan;
		return scalar @orphan;
	};
	my $end = sub {
		my ($job) = @_;
		my $pid = fork;
		if (defined $pid && $pid == 0) {
			end_job({%$job, spared => [getppid]});
			POSIX::_exit(0);
		}
		$ender{$pid} = $job->{pid} if $pid;
	};
	my $text = '';
	while (1) {
		reap($heard);
		$orphaned = 0 if $reaps && $orphaned && !$kill_orphans->();
		if (!$orphaned) { write_all($runner, "ended $_->{pid}\n") for splice @answers }
		else { write_all($runner, "ended $_->{pid}\n") for grep { $_->{until} < now() } @answers }
		vec(my $ready = '', fileno $runner, 1) = 1;
		next unless select($ready, undef, undef, $orphaned ? 0.005 : %ender ? 0.05 : 1) > 0;
		my $length = sysread($runner, $text, 1 << 20, length $text);
		next if !defined $length && ($!{EINTR} || $!{EAGAIN});
		last if !$length;
		while (length $text >= 4 && length $text >= 4 + (my $size = unpack 'N', $text)) {
			my $f = fields_of(substr($text, 4, $size));
			substr($text, 0, 4 + $size, '');
			if ($f->{what} eq 'start') {
				my $pid = fork;
				if (defined $pid && $pid == 0) { close $runner; lead($f) }
				$leader{$pid} = job_of(@$f{qw(kind cgroup mark)}, $pid, started($pid)) if $pid;
			}
			elsif ($f->{what} eq 'held') { $leader{$f->{pid}} ||= $f }
			elsif ($f->{what} eq 'over') { delete $leader{$f->{pid}} }
			elsif ($f->{what} eq 'end') { $end->($leader{$f->{pid}} || $f) }
		}
	}
	# The runner is gone. Its jobs' leaders noticed that too; this is for those that cannot.
	end_job($leader{$_}) for keys %leader;
	my $until = now() + $end_seconds;
	while ($reaps && $kill_orphans->() && now() < $until) { reap(); select(undef, undef, undef, 0.005) }
}
`;

const endProgram = String.raw`
# A line in time; undefined when there is none, or nobody is left to say one.
my $said = '';
sub line_until {
	my ($file, $until) = @_;
	while ($said !~ /\n/) {
		my $rest = $until - now();
		return undef if $rest <= 0;
		vec(my $ready = '', fileno $file, 1) = 1;
		next unless select($ready, undef, undef, $rest) > 0;
		return undef unless sysread($file, $said, 4096, length $said);
	}
	$said =~ s/^([^\n]*)\n//;
	return $1;
}

# A line in: for how many seconds the job may go on; or a question whether it still may. Ends with 1 if it ended the job.
sub guard {
	my ($rest, $grace, @job) = @_;
	my $job = job_of(@job);
	open(my $runner, '<&=', 3) or exit 1;
	open(my $answers, '>&=', 3) or exit 1;
	POSIX::setsid();
	$0 = 'spillway-guard';
	my $deadline = now() + $rest;
	while (1) {
		my $line = line_until($runner, $deadline);
		last unless defined $line;
		exit 0 if $line eq 'leave';
		if ($line eq 'ask') { write_all($answers, "on\n") }
		else { $deadline = now() + $line }
	}
	kill TERM => members($job);
	my $until = now() + $grace;
	while (defined(my $line = line_until($runner, $until))) { exit 1 if $line eq 'leave' }
	end_job($job);
	exit 1;
}

# Empty when jobs can be contained so; else why not.
sub probe {
	my ($kind, $parent) = @_;
	if ($kind eq 'subreaper') {
		return 'this system has none' unless become_subreaper() && look($$);
		pipe(my $in, my $out);
		my $child = fork // return "no process can be started: $!";
		if ($child == 0) {
			my $parent = POSIX::getpid();
			if (fork == 0) {
				select(undef, undef, undef, 0.001) while getppid == $parent;
				syswrite($out, getppid . "\n");
			}
			POSIX::_exit(0);
		}
		waitpid($child, 0);
		close $out;
		return (<$in> // '') eq "$$\n" ? '' : 'a child of a dead process does not come to its grandparent';
	}
	my $path = "$parent/spillway-probe-$$";
	mkdir $path or return "$parent: $!";
	if (!-e "$path/cgroup.procs") { rmdir $path; return "$parent: no cgroup can be made there" }
	my $child = fork;
	if (defined $child && $child == 0) {
		put("$path/cgroup.procs", "0\n") or POSIX::_exit(1);
		sleep 60;
		POSIX::_exit(0);
	}
	my $until = now() + 5;
	my $entered = 0;
	while (!$entered && now() < $until) {
		last if !defined $child || waitpid($child, POSIX::WNOHANG());
		$entered = is_populated($path);
		select(undef, undef, undef, 0.001) unless $entered;
	}
	kill KILL => $child if $child;
	my ($seen, $left) = end_members({kind => 'cgroup', cgroup => $path, mark => '', pid => $$});
	rmdir $path;
	return !$entered ? "$parent: no process can be put into a cgroup there" : $left ? "$parent: a cgroup there cannot be ended" : '';
}

my $part = shift @ARGV;
open(STDIN, '<', '/dev/null');
if ($part eq 'starter') { start_jobs(@ARGV) }
elsif ($part eq 'guard') { guard(@ARGV) }
elsif ($part eq 'end') {
	my ($seen) = end_job(job_of(@ARGV));
	print $seen ? "killed\n" : "none\n";
}
elsif ($part eq 'probe') { print probe(@ARGV) }
`;

export const supervisorProgram = `${membersProgram}${leaderProgram}${starterProgram}${endProgram}`;
