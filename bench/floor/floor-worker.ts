// The two floors, as little as a Worker with an object can do: `/call` calls a method that does nothing, `/insert` stores the
// request's body as one row of one object. Whatever Spillway does beyond that is its own cost.
import { DurableObject } from "cloudflare:workers";

export class FloorObject extends DurableObject {
	constructor(ctx: ObjectContext, env: unknown) {
		super(ctx, env);
		this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS entry (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
	}

	async call(): Promise<number> {
		return 0;
	}

	async insert(body: string): Promise<number> {
		this.ctx.storage.sql.exec("INSERT INTO entry (body) VALUES (?)", body);
		return 1;
	}

	async count(): Promise<number> {
		return this.ctx.storage.sql.exec("SELECT COUNT(*) AS n FROM entry").one().n;
	}
}

export default {
	async fetch(request: Request, env: FloorEnv): Promise<Response> {
		const { pathname } = new URL(request.url);
		const body = await request.text();
		const object = (name: string) => env.FLOOR.get(env.FLOOR.idFromName(name));
		switch (pathname) {
			case "/call":
				return Response.json({ id: await object("call").call() }, { status: 201 });
			case "/insert":
				return Response.json({ id: await object("insert").insert(body) }, { status: 201 });
			case "/count":
				return Response.json({ count: await object("insert").count() });
			default:
				return new Response(null, { status: 404 });
		}
	},
};
