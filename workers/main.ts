// The Worker: requests to the API, messages to the consumers, the cron to the sweep; and the objects' classes. No rules.
import { createApp } from "../src/doors/http/app.ts";
import type { Env } from "./env.ts";
import { consume } from "./queues.ts";
import { report } from "./report.ts";
import { heedSwitches } from "./switches/switches.ts";
import { sweep } from "./sweep.ts";
import { wire } from "./wire.ts";

export { FeedObject } from "./feed/feed-object.ts";
export { LogObject } from "./log/log-object.ts";
export { OwnerObject } from "./owner/owner-object.ts";
export { PersonObject } from "./person/person-object.ts";
export { PoolObject } from "./pool/pool-object.ts";
export { RepoObject } from "./repo/repo-object.ts";
export { SwitchesObject } from "./switches/switches-object.ts";

const app = createApp<Env>(wire, report);

export default {
	async fetch(request, env, ctx) {
		await heedSwitches(env, (work) => ctx.waitUntil(work));
		return app.fetch(request, env, ctx);
	},
	queue: consume,
	scheduled: (_, env) => sweep(env),
} satisfies ExportedHandler<Env>;
