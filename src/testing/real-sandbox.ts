// Whether a sandbox can be tried on this machine: where users may make no namespaces there is none.
import { spawnSync } from "node:child_process";

const words = ["--ro-bind", "/", "/", "--unshare-pid", "--proc", "/proc", "true"];
export const hasSandbox = spawnSync("bwrap", words).status === 0;
if (!hasSandbox) process.stderr.write("not tried here: a real sandbox, for no bwrap works on this machine\n");
