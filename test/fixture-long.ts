// Proofs that wait in real time, for a minute and more: for a lease to go quiet, for a hold to end. They run where
// SPILLWAY_LONG_TESTS is 1, as `.ci/run` sets it; elsewhere they are not there, so that `npm test` takes minutes.
import { it } from "vitest";
import { isLong } from "../src/testing/long-form.ts";

const leftOut = Object.assign(() => {}, { each: () => () => {} });

/** After the others of its file, or before them: it has a server of its own, or that of the file to itself. */
export const itLongAlone = isLong ? it : (leftOut as unknown as typeof it);

/** Beside the others of its file. */
export const itLong = isLong ? it.concurrent : (leftOut as unknown as typeof it.concurrent);
