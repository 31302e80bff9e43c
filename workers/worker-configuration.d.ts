// Generated from wrangler.toml by `npm run check -- bindings --write`; do not edit.
interface __BaseEnv_Env {
	ARCHIVE: R2Bucket;
	DB: D1Database;
	DELIVERIES: Queue;
	EVENTS: Queue;
	INTAKE: Queue;
	TOKEN_CALLS: RateLimit;
	TOKEN_DEAR_CALLS: RateLimit;
	ADDRESS_CALLS: RateLimit;
	ASSETS: Fetcher;
	POOL_SHARDS: 1;
	SPILLWAY_OPERATOR_TOKEN: string;
	SPILLWAY_SIGNING_KEYS: string;
	SPILLWAY_SEALING_KEYS: string;
	REPO: DurableObjectNamespace<import("./main").RepoObject>;
	POOL: DurableObjectNamespace<import("./main").PoolObject>;
	LOG: DurableObjectNamespace<import("./main").LogObject>;
	FEED: DurableObjectNamespace<import("./main").FeedObject>;
	OWNER: DurableObjectNamespace<import("./main").OwnerObject>;
	PERSON: DurableObjectNamespace<import("./main").PersonObject>;
	SWITCHES: DurableObjectNamespace<import("./main").SwitchesObject>;
}
declare namespace Cloudflare {
	interface GlobalProps {
		mainModule: typeof import("./main");
		durableNamespaces: "RepoObject" | "PoolObject" | "LogObject" | "SwitchesObject" | "FeedObject" | "OwnerObject" | "PersonObject";
	}
	interface Env extends __BaseEnv_Env {}
}
interface Env extends __BaseEnv_Env {}
type StringifyValues<EnvType extends Record<string, unknown>> = {
	[Binding in keyof EnvType]: EnvType[Binding] extends string ? EnvType[Binding] : string;
};
declare namespace NodeJS {
	interface ProcessEnv extends StringifyValues<Pick<Cloudflare.Env, "POOL_SHARDS" | "SPILLWAY_OPERATOR_TOKEN" | "SPILLWAY_SIGNING_KEYS" | "SPILLWAY_SEALING_KEYS">> {}
}
declare module "*.txt" {
	const value: string;
	export default value;
}
declare module "*.html" {
	const value: string;
	export default value;
}
declare module "*.sql" {
	const value: string;
	export default value;
}
declare module "*.bin" {
	const value: ArrayBuffer;
	export default value;
}
declare module "*.wasm" {
	const value: WebAssembly.Module;
	export default value;
}
declare module "*.wasm?module" {
	const value: WebAssembly.Module;
	export default value;
}