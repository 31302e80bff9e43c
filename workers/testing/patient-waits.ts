// Vitest's `vi.waitFor` gives up after a second, which on a busy machine is no time at all: a queue alone may hold a message back
// for as long. A test in the runtime that names no other limit waits for fifteen. What never comes fails as before.
import { vi } from "vitest";

const timeout = 15_000;
const { waitFor } = vi;

vi.waitFor = (look, options = {}) => waitFor(look, typeof options === "number" ? options : { timeout, ...options });
