// The alphabets of names, each said once: contracts, the API's paths and the runner read them here.

/** Of owners, repositories and pools; lower case, since they stand in URLs. */
export const slugPattern = /^[a-z0-9][a-z0-9._-]{0,99}$/;
/** Of jobs and concurrency groups. */
export const jobKeyPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;
/** Of environment variables: what a shell can use. */
export const variablePattern = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Of secrets; not `__proto__`: a grant carries secrets by their names, and that one is a key of no object. */
export const secretNamePattern = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,99}$/;
