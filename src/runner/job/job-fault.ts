// What makes a job refused for good: it asks for what no machine can do, or a machine's owner does not want it run. Whatever else
// keeps a runner from running a job is a fault of its machine, and another runner is tried.

export class JobFault extends Error {
	override readonly name = "JobFault";
}
