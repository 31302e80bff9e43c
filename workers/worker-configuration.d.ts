// Generated from wrangler.toml by `npm run check -- bindings --write`; do not edit.
interface __BaseEnv_Env {
	ARCHIVE: R2Bucket;
	DB: D1Database;
	DELIVERIES: Queue;
	EVENTS: Queue;
	REPO: DurableObjectNamespace /* RepoObject */;
	POOL: DurableObjectNamespace /* PoolObject */;
	LOG: DurableObjectNamespace /* LogObject */;
	SWITCHES: DurableObjectNamespace /* SwitchesObject */;
}
declare namespace Cloudflare {
	interface Env extends __BaseEnv_Env {}
}
interface Env extends __BaseEnv_Env {}
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