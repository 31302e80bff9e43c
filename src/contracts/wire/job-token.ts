// How each identity token of a job begins, whoever reads it: the runner knows one in a log by it. The members of the header stand in
// this order, and each key's id begins with `spw-`, so that the first characters are always the same.

export const jobTokenAlgorithm = "RS256";
export const jobKeyIdPrefix = "spw-";

/** Where a job asks for one. */
export const idTokenPath = "/v1/lease/id-token";

/** The beginning of a header, with the rest of the key's id left open. */
const header = `{"alg":"${jobTokenAlgorithm}","typ":"JWT","kid":"${jobKeyIdPrefix}`;

/** It is the same in every token and says nothing. The characters that also depend on what follows are left out. */
export const jobTokenHead = btoa(header).slice(0, Math.floor((header.length * 8) / 6));
