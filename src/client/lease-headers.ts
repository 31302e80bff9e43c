// The headers of lease calls by name. They stand in `contracts/http/lease.ts` too, which loads the schema library; a runner has
// to stay small, since a process starts its children slower the bigger it is. The types below fail if the two differ.
import type * as contract from "../contracts/http/lease.ts";

export const uploadOffsetHeader: typeof contract.uploadOffsetHeader = "Upload-Offset";
export const uploadLeftHeader: typeof contract.uploadLeftHeader = "Upload-Left";
export const uploadIntervalHeader: typeof contract.uploadIntervalHeader = "Upload-Interval";
export const leaseStateHeader: typeof contract.leaseStateHeader = "Lease-State";
