// As much of the runtime as the floor Worker uses. The runtime's own types are global, and not those of Node, which the rest of
// the bench is checked with.
declare module "cloudflare:workers" {
	export abstract class DurableObject {
		constructor(ctx: ObjectContext, env: unknown);
		protected ctx: ObjectContext;
	}
}

interface ObjectContext {
	storage: { sql: { exec(statement: string, ...values: string[]): { one(): { n: number } } } };
}

interface FloorStub {
	call(): Promise<number>;
	insert(body: string): Promise<number>;
	count(): Promise<number>;
}

interface FloorEnv {
	FLOOR: { idFromName(name: string): unknown; get(id: unknown): FloorStub };
}
