// The first half of the program in `supervisor-program.ts`: which processes are a job's, and how all of them are ended. In
// Perl, which nearly every machine has, since it can do what neither Node nor bash can: become a child subreaper.

/**
 * A job is a hash of `kind`, `cgroup` (a folder, or empty), `mark`, `pid` (of its leader) and `started` (when that one began).
 * Its processes are those in its cgroup, those that descend from its leader or are in the leader's group or session, and, for
 * whoever is not the leader itself, those that have its mark in their environment.
 */
export const membersProgram = String.raw`
use strict;
use POSIX ();
use Fcntl;
use Time::HiRes ();

my $linux = $^O eq 'linux';
# The system call's number has no name that every machine's Perl knows.
my %prctl = (x86_64 => 157, aarch64 => 167, riscv64 => 167, ppc64le => 171, s390x => 172, i686 => 172, armv7l => 172);

sub now { Time::HiRes::clock_gettime(Time::HiRes::CLOCK_MONOTONIC()) }

sub become_subreaper {
	my $number = $linux ? $prctl{(POSIX::uname())[4]} : undef;
	return defined $number && syscall($number, 36, 1, 0, 0, 0) == 0;
}

sub contents {
	my ($path) = @_;
	open(my $file, '<', $path) or return undef;
	local $/;
	return scalar <$file>;
}

sub put {
	my ($path, $text) = @_;
	open(my $file, '>', $path) or return 0;
	return defined syswrite($file, $text);
}

# Of one process: parent, group, session, start. Undefined when it is gone, or nothing but its end is left to be heard.
sub look {
	my $stat = contents("/proc/$_[0]/stat");
	return undef unless defined $stat;
	my @field = split / /, substr($stat, rindex($stat, ')') + 2);
	return undef if $field[0] eq 'X' || ($field[0] eq 'Z' && $field[17] < 2);
	return {parent => $field[1], group => $field[2], session => $field[3], started => $field[19]};
}

# The same form as process-identity.ts has.
sub started {
	my ($pid) = @_;
	if ($linux) {
		my $process = look($pid) or return '';
		my $boot = contents('/proc/sys/kernel/random/boot_id');
		chomp $boot;
		return $process->{started} . '@' . $boot;
	}
	my ($line) = listed('-o', 'lstart=', '-p', $pid);
	return '' unless defined $line;
	$line =~ s/^\s+|\s+$//g;
	return $line;
}

sub listed {
	open(my $lines, '-|', '/bin/ps', @_) or return ();
	my @line = <$lines>;
	close $lines;
	return @line;
}

# All processes of the machine, by id.
sub table {
	my %process;
	if ($linux) {
		opendir(my $folder, '/proc') or return \%process;
		for my $pid (grep { /^\d+$/ } readdir $folder) {
			my $process = look($pid) or next;
			$process{$pid} = $process;
		}
		return \%process;
	}
	for (listed('-axo', 'pid=,ppid=,pgid=,stat=')) {
		my ($pid, $parent, $group, $state) = split;
		$process{$pid} = {parent => $parent, group => $group, session => 0} unless $state =~ /^Z/;
	}
	return \%process;
}

sub marked {
	my ($mark, $table) = @_;
	my $words = "SPILLWAY_PROCESS_MARK=$mark";
	return grep { index("\0" . (contents("/proc/$_/environ") // ''), "\0$words\0") >= 0 } keys %$table if $linux;
	return map { /^\s*(\d+) / && / \Q$words\E(?: |$)/ ? $1 : () } listed('-axwwE', '-o', 'pid=,command=');
}

# A job may have made further ones below its own.
sub cgroups {
	my ($path) = @_;
	opendir(my $folder, $path) or return ();
	my @below = grep { !/^\./ && -d "$path/$_" } readdir $folder;
	return ((map { cgroups("$path/$_") } @below), $path);
}

sub is_populated { (contents("$_[0]/cgroup.events") // '') =~ /^populated 1$/m }

# Without the leader and the process that asks.
sub members {
	my ($job) = @_;
	my $table = table();
	my ($leader, %is) = ($job->{pid});
	if ($job->{cgroup}) {
		$is{$_} = 1 for map { split /\n/, contents("$_/cgroup.procs") // '' } cgroups($job->{cgroup});
	}
	if ($leader == $$ || $job->{fresh} || started($leader) eq $job->{started}) {
		my %below;
		push @{$below{$table->{$_}{parent}}}, $_ for keys %$table;
		my @todo = ($leader);
		while (defined(my $pid = pop @todo)) {
			for my $child (@{$below{$pid} || []}) {
				$is{$child} = 1;
				push @todo, $child;
			}
		}
		for (keys %$table) {
			$is{$_} = 1 if $table->{$_}{group} == $leader || $table->{$_}{session} == $leader;
		}
	}
	# Its own children are all that a leader that reaps them can have; it need not look further.
	if ($leader != $$ || $job->{kind} eq 'group') {
		$is{$_} = 1 for marked($job->{mark}, $table);
	}
	delete @is{$leader, $$, 0, @{$job->{spared} || []}};
	# The oldest first: a shell that waits for a program must hear of the end before that program is gone, or it ends by the
	# program's failure and runs no trap.
	return sort { $a <=> $b } grep { $_ > 1 } keys %is;
}

# Takes the ends of all that ended, and tells each to whoever wants it. True when no child is left: then a subreaper has no
# descendants either.
sub reap {
	my ($heard) = @_;
	my $pid;
	while (($pid = waitpid(-1, POSIX::WNOHANG())) > 0) { $heard->($pid, $?) if $heard }
	return $pid == -1;
}

sub kill_cgroup {
	my ($path) = @_;
	return if put("$path/cgroup.kill", "1\n");
	# Before Linux 5.14. Frozen, they cannot start others meanwhile; what is killed ends though it is frozen.
	put("$path/cgroup.freeze", "1\n");
	kill KILL => grep { $_ != $$ } map { split /\n/, contents("$_/cgroup.procs") // '' } cgroups($path);
	put("$path/cgroup.freeze", "0\n");
}

# What a job's processes may take to end once they were killed: one may wait for a disk, one may be another user's.
my $end_seconds = 10;

# Kills all of the job but its leader until none is left. Whether there was anything, and whether any is left.
sub end_members {
	my ($job, $heard) = @_;
	my ($until, $pause, %seen) = (now() + $end_seconds, 0.001);
	my $cgroup = $job->{cgroup};
	my $proves = $job->{pid} == $$ && $job->{kind} ne 'group';
	while (1) {
		my $is_childless = reap($heard);
		my $populated = $cgroup && is_populated($cgroup);
		if ($populated) { $seen{$cgroup} = 1; kill_cgroup($cgroup) }
		my @left = $proves && $is_childless ? () : members($job);
		kill KILL => @left;
		@seen{@left} = ();
		last if !@left && !$populated;
		return (scalar keys %seen, 1) if now() > $until;
		select(undef, undef, undef, $pause);
		$pause *= 2 if $pause < 0.05;
	}
	if ($cgroup) { rmdir $_ for cgroups($cgroup) }
	return (scalar keys %seen, 0);
}

# From outside, leader included. It goes last: while it lives, what it started can be told from the rest.
sub end_job {
	my ($job) = @_;
	my ($seen, $left) = end_members($job);
	if (started($job->{pid}) eq $job->{started}) {
		$seen++ if kill KILL => $job->{pid};
		my $until = now() + $end_seconds;
		select(undef, undef, undef, 0.002) while now() < $until && started($job->{pid}) eq $job->{started};
		my ($more, $after) = end_members($job);
		($seen, $left) = ($seen + $more, $after);
	}
	return ($seen, $left);
}

sub job_of {
	my ($kind, $cgroup, $mark, $pid, $started) = @_;
	return {kind => $kind, cgroup => $cgroup, mark => $mark, pid => $pid, started => $started};
}
`;
