// What `staged-build.ts` puts under these names: a build's Worker, or two of them, as `BuiltWorker` in `staged-worker.ts` says.
declare module "release:newer";
declare module "release:older";
