// An answer that is not the present truth says so in a header: since when it may not be true any more, by RFC 3339.
export const staleHeader = "Spillway-Stale";
